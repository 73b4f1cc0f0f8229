/** Generated C on an emulated Cortex-M3, with every warning an error. */
import { runEmulated } from '../../../../bench/support/emulated-arm'
import type { Outcome } from '../../../../src/engine/export/c/compiler'

const FLAGS = ['-mcpu=cortex-m3', '-mthumb', '-std=c99', '-Os', '-Wall', '-Wextra', '-Wconversion', '-Werror']

/** Compiles files of a folder and runs them; what it printed. */
export function runOnCortexM(folder: string, files: readonly string[]): Outcome {
  const machine = { name: 'mps2-an385', floats: false, flags: FLAGS } as const
  const { ok, stdout, stderr } = runEmulated(folder, files, machine)
  return { ok, text: `${stdout}${stderr}` }
}
