/** y[m][o] = Σ x[m][k] · w[o][k]: rows of the weight side by side share reads of elements. */
import { indent } from '../loops'
import { where } from '../sharing'
import type { DenseWeights } from '../weights'
import { storeAll, type Arithmetic } from './arithmetic'
import { deeper } from './plane'

/** Products of packed codes in the innermost loop: more take more flash than they save time. */
const PACKED = 8
/** Rows of the weight at once: pointers and sums must find room in the registers of a Cortex-M. */
const ROWS = 4

/** Reads and products that all outputs take, by the rows that are taken at once; the last block may begin earlier. */
function blockOf(outputs: number, most: number): number {
  const cost = (rows: number): number => Math.ceil(outputs / rows) * (3 + 2 * rows)
  const sizes = Array.from({ length: Math.min(most, outputs) }, (_, i) => i + 1)
  return sizes.reduce((best, rows) => (cost(rows) <= cost(best) ? rows : best), 1)
}

/** Parameters rows, outputs, inputs. */
export function productKernel(
  { at, type, perByte }: DenseWeights,
  arithmetic: Arithmetic,
  { outputs, inputs }: { outputs: number; inputs: number },
): string {
  const { element, sum, first, value } = arithmetic
  // Codes by whole bytes. Eight integers a turn take 270 bytes more than two and an eighth less time (a perceptron on a
  // Cortex-M4); floats gain less by that than it takes in flash.
  const together = perByte > 1 ? [perByte] : sum === 'float' ? [] : [8, 4, 2]
  const run = together.find((elements) => inputs % elements === 0) ?? 1
  const most = perByte > 1 ? Math.max(1, Math.floor(PACKED / run)) : ROWS
  const block = blockOf(outputs, Math.min(ROWS, most))
  const rows = Array.from({ length: block }, (_, i) => i)
  const o = (row: number): string => (row === 0 ? 'o' : `o + ${row}`)
  const taps = Array.from({ length: run }, (_, u) => {
    const k = u === 0 ? 'k' : `k + ${u}`
    const lines = rows.map((row) => `t${row} += v * w${row};`)
    const codes = rows.map((row) => `const ${type} w${row} = ${at(`i${row} + k`, u, run)};`)
    return `{
  const ${sum} v = ${value(`x[${k}]`)};
${indent([...codes, ...lines].join('\n'))}
}`
  })
  const starts = rows.map((row) => `i${row} = ${row === 0 ? 'o * inputs' : `i${row - 1} + inputs`}`)
  const sums = rows.map((row) => `t${row}`)
  const stores = storeAll(arithmetic, sums, 'm * outputs + o', (j) => arithmetic.channel(`o${j}`))
  const back = where(outputs % block > 0, `\n    if (o + ${block} > outputs) o = outputs - ${block};`)
  return `for (int32_t m = 0; m < rows; m++) {
  const ${element} *x = a0 + m * inputs;
  for (int32_t o = 0; o < outputs; o += ${block}) {${back}
    const int32_t ${starts.join(', ')};
    ${sum} ${rows.map((row) => `t${row} = ${first(o(row))}`).join(', ')};
    for (int32_t k = 0; k < inputs; k += ${run}) {
${deeper(taps.join('\n'), 3)}
    }
${deeper(stores, 2)}
  }
}`
}
