/** A Cortex-M of QEMU's MPS2 boards: newlib's semihosting prints and ends the program. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

export const COMPILER = 'arm-none-eabi-gcc'
const EMULATOR = 'qemu-system-arm'

const works = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

/** What is missing to run code of a Cortex-M here; empty where nothing is. */
export const missing = (): string[] => [COMPILER, EMULATOR].filter((command) => !works(command))

/** Vectors, and the floating point unit switched on where there is one. Source: Armv7-M Architecture Reference Manual. */
const start = (floats: boolean): string => `#include <stdint.h>
extern void _start(void);
extern uint32_t stack_top;
static void reset(void)
{
${floats ? '  *(volatile uint32_t *)0xE000ED88 |= 0xF00000;\n  __asm volatile("dsb\\nisb");\n' : ''}  _start();
}
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = { (void (*)(void))&stack_top, reset };
`

/** 4 MB of code at 0, 4 MB of RAM. Source: Arm AN385 and AN386, table 3-1. */
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

interface Machine {
  /** Of QEMU. */
  name: 'mps2-an385' | 'mps2-an386'
  floats: boolean
  flags: readonly string[]
  options?: readonly string[]
}

interface Ran {
  ok: boolean
  stdout: string
  stderr: string
}

/** Compiles files of a folder and runs them; what compiler or program said. */
export function runEmulated(folder: string, files: readonly string[], machine: Machine): Ran {
  fs.writeFileSync(path.join(folder, 'start.c'), start(machine.floats))
  fs.writeFileSync(path.join(folder, 'link.ld'), LINK)
  const link = ['--specs=rdimon.specs', '-T', 'link.ld']
  const built = spawnSync(
    COMPILER,
    [...machine.flags, ...link, ...files, 'start.c', '-o', 'image.elf', '-lm'],
    { cwd: folder, encoding: 'utf8' },
  )
  if (built.status !== 0) return { ok: false, stdout: '', stderr: built.stderr }
  const semihosting = ['-semihosting-config', 'enable=on,target=native', '-kernel', 'image.elf']
  const { status, stdout, stderr } = spawnSync(
    EMULATOR,
    ['-M', machine.name, '-nographic', ...(machine.options ?? []), ...semihosting],
    { cwd: folder, encoding: 'utf8', timeout: 300_000 },
  )
  return { ok: status === 0, stdout, stderr }
}
