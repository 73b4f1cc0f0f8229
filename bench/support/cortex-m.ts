/** Instructions that a program of C takes on an emulated Cortex-M4F: QEMU counts them, a nanosecond of its clock each. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const COMPILER = 'arm-none-eabi-gcc'
const EMULATOR = 'qemu-system-arm'
const CPU = ['-mcpu=cortex-m4', '-mthumb', '-mfpu=fpv4-sp-d16', '-mfloat-abi=hard']
const OPTIONS = ['-std=c11', '-O2', '-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections']

const works = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0

/** What is missing; empty where nothing is. */
export const missing = (): string[] => [COMPILER, EMULATOR].filter((command) => !works(command))

/** Vectors, the floating point unit switched on, and the system timer. Source: Armv7-M Architecture Reference Manual. */
const START = `#include <stdint.h>
extern void _start(void);
extern uint32_t stack_top;
static void reset(void)
{
  *(volatile uint32_t *)0xE000ED88 |= 0xF00000;
  __asm volatile("dsb\\nisb");
  _start();
}
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = { (void (*)(void))&stack_top, reset };
`
/** 4 MB of code and of RAM. Source: Arm AN386, table 3-1. */
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

/** The timer of 25 MHz ticks once in 40 instructions. */
const INSTRUCTIONS_A_TICK = 40

interface Counted {
  instructions: number
  /** What `out` holds afterwards. */
  outputs: number[]
}

/** `call` runs the model on float arrays `in` and `out`, after `declarations`. Throws what compiler or program say. */
export function countOn(
  folder: string,
  files: readonly string[],
  declarations: string,
  call: string,
  [inputs, outputs]: readonly [readonly number[], number],
): Counted {
  const main = `#include <stdint.h>
#include <stdio.h>
${declarations}
static float in[] = {${inputs.map((value) => Math.fround(value).toExponential(9)).join(',')}};
static float out[${outputs}];
#define TIMER ((volatile uint32_t *)0xE000E010)
int main(void)
{
  uint32_t before, after;
  TIMER[1] = 0xFFFFFF;
  TIMER[2] = 0;
  TIMER[0] = 5;
  before = TIMER[2];
  ${call};
  after = TIMER[2];
  printf("%lu", (unsigned long)((before - after) & 0xFFFFFF));
  for (int i = 0; i < ${outputs}; i++) printf(" %.9g", (double)out[i]);
  return 0;
}
`
  const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text)
  write('main.c', main)
  write('start.c', START)
  write('link.ld', LINK)
  const link = ['--specs=rdimon.specs', '-T', 'link.ld']
  const sources = [...files, 'main.c', 'start.c', '-o', 'image.elf', '-lm']
  const built = spawnSync(COMPILER, [...CPU, ...OPTIONS, ...link, ...sources], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(built.stderr)
  const machine = ['-M', 'mps2-an386', '-nographic', '-icount', 'shift=0']
  const semihosting = ['-semihosting-config', 'enable=on,target=native', '-kernel', 'image.elf']
  const ran = spawnSync(EMULATOR, [...machine, ...semihosting], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (ran.status !== 0) throw new Error(`${ran.stdout}${ran.stderr}`)
  const [ticks, ...values] = ran.stdout.trim().split(/\s+/).map(Number)
  return { instructions: ticks! * INSTRUCTIONS_A_TICK, outputs: values }
}

/** Bytes of code and constants of files linked from an entry, with what they need of libraries, and of their memory. */
export function sizesOf(
  folder: string,
  files: readonly string[],
  entry: string,
): { flash: number; stack: number } {
  const small = ['-std=c11', '-Os', '-ffunction-sections', '-fdata-sections', '-fstack-usage']
  const link = ['-specs=nano.specs', '-specs=nosys.specs', '-nostartfiles', `-Wl,--gc-sections,-e,${entry}`]
  const built = spawnSync(COMPILER, [...CPU, ...small, ...link, ...files, '-o', 'whole.elf', '-lm'], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(built.stderr)
  const { stdout } = spawnSync('arm-none-eabi-size', ['whole.elf'], { cwd: folder, encoding: 'utf8' })
  const text = Number(stdout.split('\n')[1]!.trim().split(/\s+/)[0])
  const frames = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.su'))
    .flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
    .map((row) => Number(row.split('\t')[1] ?? 0))
  return { flash: text, stack: Math.max(0, ...frames) }
}
