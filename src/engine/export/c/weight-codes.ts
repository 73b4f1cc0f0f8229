/**
 * Weights in the fewest bytes that give every value back: found by looking at the values, whatever wrote them, so that
 * shared, quantized and pruned weights stay as small in flash as they are in the file.
 * Sources: arXiv:1510.00149 (codebooks, gaps between nonzeros), arXiv:1712.05877 (one scale a row).
 */
import { distinctValues, encodeGaps } from '../../math/gap-code'
import { packBits } from '../../onnx'

export type CodeBits = 1 | 2 | 4 | 8
const WIDTHS: readonly CodeBits[] = [1, 2, 4, 8]

/** Codes [size], each below 2^bits, and what they stand for. */
interface Grid {
  kind: 'grid'
  bits: CodeBits
  codes: Uint8Array
  /** Added to a code before it is multiplied: one for all, or one a group. */
  lows: Int16Array
  /** One for so many elements in a row of them. */
  scales: Float32Array
  group: number
}

interface Book {
  kind: 'book'
  bits: CodeBits
  codes: Uint8Array
  table: Float32Array
}

/** Entries of a sequence that are not zero: distances, and codes of a table. */
export interface Sparse {
  kind: 'sparse'
  bits: CodeBits
  gapBits: CodeBits
  gaps: Uint8Array
  codes: Uint8Array
  table: Float32Array
}

interface Plain {
  kind: 'plain'
}

export type WeightCodes = Grid | Book | Sparse | Plain

/** Bytes in flash. */
export function codeBytes(codes: WeightCodes, size: number): number {
  switch (codes.kind) {
    case 'plain':
      return 4 * size
    case 'grid':
      return (
        Math.ceil((size * codes.bits) / 8) +
        4 * codes.scales.length +
        (codes.lows.length > 1 ? 2 * codes.lows.length : 0)
      )
    case 'book':
      return Math.ceil((size * codes.bits) / 8) + 4 * codes.table.length
    case 'sparse':
      return entryBytes(codes) + 4 * codes.table.length
  }
}

export const entryBytes = ({ gaps, codes, bits, gapBits }: Entries): number =>
  Math.ceil((gaps.length * gapBits) / 8) + Math.ceil((codes.length * bits) / 8)

/** The fewest bits for so many codes; undefined above 256. */
export const widthOf = (count: number): CodeBits | undefined => WIDTHS.find((bits) => 2 ** bits >= count)

/** Of a value, as far as a product in float32 is from it. */
const ROUNDING = 2 ** -22

interface Multiples {
  scale: number
  least: number
  most: number
}

/** The largest scale of which all values are multiples, with the least and most of them, 256 apart at the most. */
function multiplesOf(distinct: readonly number[]): Multiples | undefined {
  const sizes = distinct.map(Math.abs).filter((value) => value > 0)
  if (sizes.length === 0) return { scale: 1, least: 0, most: 0 }
  const [smallest, largest] = [Math.min(...sizes), Math.max(...sizes)]
  if (largest > 256 * smallest * 256) return undefined
  for (let k = 1; k < 256; k++) {
    const first = smallest / k
    const top = Math.round(largest / first)
    if (top > 256) return undefined
    const scale = Math.fround(largest / top)
    let [least, most] = [Infinity, -Infinity]
    const fits = distinct.every((value) => {
      const code = Math.round(value / scale)
      least = Math.min(least, code)
      most = Math.max(most, code)
      return Math.abs(Math.fround(code * scale) - value) <= ROUNDING * Math.abs(value)
    })
    if (fits && most - least < 256) return { scale, least, most }
  }
  return undefined
}

/** Undefined where the elements of some group are no multiples of one scale. */
export function gridOf(values: Float32Array, group: number): Grid | undefined {
  const scales = new Float32Array(values.length / group)
  const found: Multiples[] = []
  for (let g = 0; g < scales.length; g++) {
    const distinct = new Set<number>()
    for (let i = g * group; i < (g + 1) * group; i++) {
      distinct.add(values[i]!)
      if (distinct.size > 256) return undefined
    }
    const multiples = multiplesOf([...distinct])
    if (!multiples) return undefined
    found.push(multiples)
    scales[g] = multiples.scale
  }
  const low = found.reduce((least, one) => Math.min(least, one.least), Infinity)
  const high = found.reduce((most, one) => Math.max(most, one.most), -Infinity)
  const widest = found.reduce((most, one) => Math.max(most, one.most - one.least), 0)
  const [all, each] = [widthOf(high - low + 1), widthOf(widest + 1)!]
  // Zero points of their own pay where codes get narrower by it.
  const isShared = all !== undefined && all * values.length <= each * values.length + 16 * scales.length
  const lows = isShared ? Int16Array.of(low) : Int16Array.from(found, ({ least }) => least)
  const codes = Uint8Array.from(values, (value, i) => {
    const g = Math.floor(i / group)
    return Math.round(value / scales[g]!) - lows[isShared ? 0 : g]!
  })
  return { kind: 'grid', bits: isShared ? all : each, codes, lows, scales, group }
}

export function bookOf(values: Float32Array): Book | undefined {
  const found = distinctValues(values)
  const bits = found && widthOf(found.table.length)
  return bits && { kind: 'book', bits, ...found! }
}

type Entries = Omit<Sparse, 'kind' | 'table'>
/** Half a byte of distance takes more entries to bridge long gaps. */
const GAP_WIDTHS = [8, 4] as const

/** Undefined without zeros, or with more than 256 values. */
export function sparseOf(values: Float32Array): Sparse | undefined {
  const found = distinctValues(values)
  const zero = found?.table.indexOf(0) ?? -1
  if (!found || zero < 0) return undefined
  const bits = widthOf(found.table.length)!
  const [bytes, nibbles] = GAP_WIDTHS.map((gapBits) => ({
    bits,
    gapBits,
    ...encodeGaps(found.codes, zero, 2 ** gapBits - 1),
  })) as [Entries, Entries]
  const best = entryBytes(nibbles) < entryBytes(bytes) ? nibbles : bytes
  return { kind: 'sparse', ...best, table: found.table }
}

/** Lengths of the blocks that quantizers scale alike. */
const BLOCKS: readonly number[] = [256, 128, 64, 32, 16]

/** The smallest of all, by rows of `cols`; of equals the one that is fastest to read. */
export function smallestCodes(values: Float32Array, cols: number): WeightCodes {
  const size = values.length
  if (size === 0) return { kind: 'plain' }
  const blocks = BLOCKS.filter((block) => block < cols && cols % block === 0)
  const grid = [size, cols, ...blocks].map((group) => gridOf(values, group)).find((one) => one !== undefined)
  const rowGrid = grid?.group === size ? gridOf(values, cols) : undefined
  const all: (WeightCodes | undefined)[] = [
    { kind: 'plain' },
    grid,
    rowGrid,
    bookOf(values),
    sparseOf(values),
  ]
  const choices = all.filter((one) => one !== undefined)
  return choices.reduce((best, one) => (codeBytes(one, size) < codeBytes(best, size) ? one : best))
}

/** Attribute of a layer whose weights are shared or sparse: what their products are multiplied by, one an output. */
export const FACTORS = 'factors'

/** Whether rows would lose the values they share, or their zeros' worth, if each were multiplied by a number of its own. */
export const isShared = (values: Float32Array, cols: number): boolean =>
  ['book', 'sparse'].includes(smallestCodes(values, cols).kind)

/** Codes side by side in bytes, the first in the lowest bits. */
export const packed = (codes: Uint8Array, bits: CodeBits): Uint8Array =>
  bits === 8 ? codes : packBits(codes, bits)
