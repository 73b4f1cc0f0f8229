/** Compilers of Debian and of the makers that count the code of a board. */
import type { Board } from '../board'

type Compiler = Board['compiler']

/** Newlib in its small form, which tools for these processors link by default. */
const arm = (...flags: string[]): Compiler => ({
  command: 'arm-none-eabi-gcc',
  flags: ['-mthumb', ...flags],
  linker: ['-specs=nano.specs', '-specs=nosys.specs'],
})

export const CORTEX_M0PLUS = arm('-mcpu=cortex-m0plus')
export const CORTEX_M3 = arm('-mcpu=cortex-m3')
export const CORTEX_M4F = arm('-mcpu=cortex-m4', '-mfpu=fpv4-sp-d16', '-mfloat-abi=hard')
export const CORTEX_M7 = arm('-mcpu=cortex-m7', '-mfpu=fpv5-sp-d16', '-mfloat-abi=hard')
export const RV32IMC: Compiler = {
  command: 'riscv64-unknown-elf-gcc',
  flags: ['-march=rv32imc', '-mabi=ilp32', '--specs=picolibc.specs'],
  linker: [],
}
/** Of Espressif's own tools. */
export const XTENSA_S3: Compiler = { command: 'xtensa-esp32s3-elf-gcc', flags: ['-mlongcalls'] }
