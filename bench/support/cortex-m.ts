/** Instructions that a program of C takes on an emulated Cortex-M4F: QEMU counts them, a nanosecond of its clock each. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { COMPILER, runEmulated } from './emulated-arm'

export const CPU = ['-mcpu=cortex-m4', '-mthumb', '-mfpu=fpv4-sp-d16', '-mfloat-abi=hard']
const OPTIONS = ['-std=c11', '-O2', '-ffunction-sections', '-fdata-sections', '-Wl,--gc-sections']

/** The timer of 25 MHz ticks once in 40 instructions. */
const INSTRUCTIONS_A_TICK = 40

interface Counted {
  /** Of the second run: what is made once is no part of it. */
  instructions: number
  /** What the expression of an arena gives. */
  arena: number
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
  arena = '0',
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
  ${call};
  TIMER[1] = 0xFFFFFF;
  TIMER[2] = 0;
  TIMER[0] = 5;
  before = TIMER[2];
  ${call};
  after = TIMER[2];
  printf("%lu %lu", (unsigned long)((before - after) & 0xFFFFFF), (unsigned long)${arena});
  for (int i = 0; i < ${outputs}; i++) printf(" %.9g", (double)out[i]);
  return 0;
}
`
  fs.writeFileSync(path.join(folder, 'main.c'), main)
  const ran = runEmulated(folder, [...files, 'main.c'], {
    name: 'mps2-an386',
    floats: true,
    flags: [...CPU, ...OPTIONS],
    options: ['-icount', 'shift=0'],
  })
  if (!ran.ok) throw new Error(`${ran.stdout}${ran.stderr}`)
  const [ticks, used, ...values] = ran.stdout.trim().split(/\s+/).map(Number)
  return { instructions: ticks! * INSTRUCTIONS_A_TICK, arena: used!, outputs: values }
}

/** Bytes of flash: code, constants, and what variables begin with. */
export interface Sections {
  text: number
  rodata: number
  data: number
}

export const flashOf = ({ text, rodata, data }: Sections): number => text + rodata + data

/** Sections of the compiler's own layout that lie in flash beside code. */
const WITH_CODE = /^\.(text|init|fini|ARM\.ex|init_array|fini_array|preinit_array|eh_frame)/

/** Rows of `size -A`: name, bytes, address. */
function sectionsOf(table: string): Sections {
  const rows = table.split('\n').map((row) => row.trim().split(/\s+/))
  const sum = (pattern: RegExp): number =>
    rows.reduce((bytes, [name, size]) => bytes + (pattern.test(name!) ? Number(size) : 0), 0)
  return { text: sum(WITH_CODE), rodata: sum(/^\.rodata/), data: sum(/^\.data/) }
}

/** Of files linked from an entry, with what they need of libraries; and the largest frame of the stack. */
export function sizesOf(
  folder: string,
  files: readonly string[],
  entry: string,
): { sections: Sections; stack: number } {
  const small = ['-std=c11', '-Os', '-ffunction-sections', '-fdata-sections', '-fstack-usage']
  const link = ['-specs=nano.specs', '-specs=nosys.specs', '-nostartfiles', `-Wl,--gc-sections,-e,${entry}`]
  const built = spawnSync(COMPILER, [...CPU, ...small, ...link, ...files, '-o', 'whole.elf', '-lm'], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(built.stderr)
  const { stdout } = spawnSync('arm-none-eabi-size', ['-A', 'whole.elf'], { cwd: folder, encoding: 'utf8' })
  const frames = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.su'))
    .flatMap((name) => fs.readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
    .map((row) => Number(row.split('\t')[1] ?? 0))
  return { sections: sectionsOf(stdout), stack: Math.max(0, ...frames) }
}
