/** An emulated Cortex-M: newlib's semihosting prints and ends the program. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { Outcome } from '../../../../src/engine/export/c/compiler'

const COMPILER = 'arm-none-eabi-gcc'
const EMULATOR = 'qemu-system-arm'

const works = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

/** What is missing to run code of a Cortex-M here; empty where nothing is. */
export const missing = (): string[] => [COMPILER, EMULATOR].filter((command) => !works(command))

/** Vectors, and memory as the MPS2 boards have it: 4 MB of code at 0, 4 MB of RAM. Source: Arm AN385, table 3-1. */
const START = `#include <stdint.h>
extern void _start(void);
extern uint32_t stack_top;
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = { (void (*)(void))&stack_top, _start };
`
const LINK = `ENTRY(_start)
MEMORY { FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 4M  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) KEEP(*(.init)) KEEP(*(.fini)) *(.rodata*) . = ALIGN(4);
    __init_array_start = .; KEEP(*(SORT(.init_array.*))) KEEP(*(.init_array)) __init_array_end = .;
    __fini_array_start = .; KEEP(*(.fini_array)) __fini_array_end = .; } > FLASH
  .exidx : { *(.ARM.exidx*) } > FLASH
  .data : { *(.data*) } > RAM
  .bss : { __bss_start__ = .; *(.bss*) *(COMMON) __bss_end__ = .; . = ALIGN(8); end = .; __end__ = .; } > RAM
  stack_top = ORIGIN(RAM) + LENGTH(RAM);
}
`

/** Compiles files of a folder for Cortex-M3 and runs them on mps2-an385; what it printed. */
export function runOnCortexM(folder: string, files: readonly string[]): Outcome {
  fs.writeFileSync(path.join(folder, 'start.c'), START)
  fs.writeFileSync(path.join(folder, 'link.ld'), LINK)
  const flags = [
    '-mcpu=cortex-m3',
    '-mthumb',
    '-std=c99',
    '-Os',
    '-Wall',
    '-Wextra',
    '-Wconversion',
    '-Werror',
    '--specs=rdimon.specs',
    '-T',
    'link.ld',
  ]
  const built = spawnSync(COMPILER, [...flags, ...files, 'start.c', '-o', 'image.elf', '-lm'], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (built.status !== 0) return { ok: false, text: built.stderr }
  const options = [
    '-M',
    'mps2-an385',
    '-nographic',
    '-semihosting-config',
    'enable=on,target=native',
    '-kernel',
    'image.elf',
  ]
  const { status, stdout, stderr } = spawnSync(EMULATOR, options, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 120_000,
  })
  return { ok: status === 0, text: `${stdout}${stderr}` }
}
