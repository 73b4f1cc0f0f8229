/** Weights as steps read them: compressed in flash, decoded inside the loop that multiplies. */
import type { Site } from './lowering'
import type { Buffer } from './program'
import { bookOf, packed, smallestCodes, sparseOf, widthOf, type CodeBits, type Sparse } from './weight-codes'

interface DenseWeights {
  reads: Buffer[]
  /** Element `index` of the weight as an expression; with `rowScale`, it is to be multiplied by that at the end of a row. */
  at(index: string): string
  /** Type of that expression. */
  type: string
  rowScale?(row: string): string
}

interface SparseWeights {
  reads: Buffer[]
  /** Distance of entry `e` from the one before it, and its value, as expressions. */
  gap: string
  value: string
  /** Type of the value. */
  type: string
  entries: number
}

export type Weights = { dense: DenseWeights } | { sparse: SparseWeights }

/** Code `index` of an array of packed ones. */
function codeAt(array: string, index: string, bits: CodeBits): string {
  if (bits === 8) return `${array}[${index}]`
  const each = 8 / bits
  const shift = { 1: 0, 2: 1, 4: 2 }[bits]
  const log = { 8: 3, 4: 2, 2: 1 }[each as 8 | 4 | 2]
  const offset = shift === 0 ? `((${index}) & ${each - 1})` : `(((${index}) & ${each - 1}) << ${shift})`
  return `((${array}[(${index}) >> ${log}] >> ${offset}) & ${2 ** bits - 1})`
}

type Table = Pick<Sparse, 'table'> & { dtype: 'float32' | 'int8' }

const sparse = (
  site: Site,
  name: string,
  { gaps, codes, bits, table, dtype }: Omit<Sparse, 'kind'> & Table,
  from: number,
): SparseWeights => ({
  reads: [
    site.fixed(`gaps of ${name}`, 'uint8', [gaps.length], gaps),
    site.fixed(`codes of ${name}`, 'uint8', [Math.ceil((codes.length * bits) / 8)], packed(codes, bits)),
    site.fixed(`values of ${name}`, dtype, [table.length], table),
  ],
  gap: `(int32_t)a${from}[e]`,
  value: `a${from + 2}[${codeAt(`a${from + 1}`, 'e', bits)}]`,
  type: dtype === 'float32' ? 'float' : 'int32_t',
  entries: gaps.length,
})

/**
 * Rows of `cols` values, in the fewest bytes. `from` is the number of the first read that they are.
 */
export function weightsOf(
  site: Site,
  name: string,
  values: Float32Array,
  cols: number,
  from: number,
): Weights {
  const codes = smallestCodes(values, cols)
  switch (codes.kind) {
    case 'sparse':
      return { sparse: sparse(site, name, { ...codes, dtype: 'float32' }, from) }
    case 'plain': {
      const reads = [site.fixed(name, 'float32', [values.length], values)]
      return { dense: { reads, type: 'float', at: (index) => `a${from}[${index}]` } }
    }
    case 'book': {
      const { bits, table } = codes
      const bytes = packed(codes.codes, bits)
      const reads = [
        site.fixed(`codes of ${name}`, 'uint8', [bytes.length], bytes),
        site.fixed(`values of ${name}`, 'float32', [table.length], table),
      ]
      return {
        dense: { reads, type: 'float', at: (index) => `a${from + 1}[${codeAt(`a${from}`, index, bits)}]` },
      }
    }
    case 'grid': {
      const { bits, scales, group, lows } = codes
      const bytes = packed(codes.codes, bits)
      const [low] = lows as unknown as [number]
      const high = low + codes.codes.reduce((most, code) => Math.max(most, code), 0)
      const isSigned = bits === 8 && lows.length === 1 && low >= -128 && high <= 127
      const reads = [
        isSigned
          ? site.fixed(
              `codes of ${name}`,
              'int8',
              [bytes.length],
              Int8Array.from(bytes, (code) => code + low),
            )
          : site.fixed(`codes of ${name}`, 'uint8', [bytes.length], bytes),
        site.fixed(`scales of ${name}`, 'float32', [scales.length], scales),
        ...(lows.length > 1 ? [site.fixed(`zero points of ${name}`, 'int16', [lows.length], lows)] : []),
      ]
      const place = (index: string): string => `[(${index}) / ${group}]`
      const code = (index: string): string => {
        const stored = codeAt(`a${from}`, index, bits)
        if (isSigned || (lows.length === 1 && low === 0)) return `(float)${stored}`
        return `(float)((int32_t)${stored} + ${lows.length > 1 ? `a${from + 2}${place(index)}` : `(${low})`})`
      }
      if (group >= cols)
        return {
          dense: {
            reads,
            type: 'float',
            at: code,
            rowScale: (row) => `a${from + 1}[${group > cols ? '0' : row}]`,
          },
        }
      return {
        dense: { reads, type: 'float', at: (index) => `${code(index)} * a${from + 1}${place(index)}` },
      }
    }
  }
}

/** Codes of integer arithmetic likewise: within −128 and 127, exact. */
export function integerWeightsOf(site: Site, name: string, values: Int8Array, from: number): Weights {
  const floats = Float32Array.from(values)
  const plain = { bytes: values.length, kind: 'plain' as const }
  const low = values.reduce((least, value) => Math.min(least, value), 127)
  const high = values.reduce((most, value) => Math.max(most, value), -128)
  const bits = widthOf(high - low + 1)!
  const [book, gaps] = [bookOf(floats), sparseOf(floats)]
  const bytes = (codes: number, width: CodeBits): number => Math.ceil((codes * width) / 8)
  const choices = [
    plain,
    { bytes: bytes(values.length, bits), kind: 'shifted' as const },
    ...(book ? [{ bytes: bytes(values.length, book.bits) + book.table.length, kind: 'book' as const }] : []),
    ...(gaps
      ? [
          {
            bytes: gaps.gaps.length + bytes(gaps.codes.length, gaps.bits) + gaps.table.length,
            kind: 'sparse' as const,
          },
        ]
      : []),
  ]
  const { kind } = choices.reduce((best, one) => (one.bytes < best.bytes ? one : best))
  if (kind === 'sparse') return { sparse: sparse(site, name, { ...gaps!, dtype: 'int8' }, from) }
  const type = 'int32_t'
  if (kind === 'plain')
    return {
      dense: {
        reads: [site.fixed(name, 'int8', [values.length], values)],
        type,
        at: (i) => `a${from}[${i}]`,
      },
    }
  const stored =
    kind === 'book'
      ? packed(book!.codes, book!.bits)
      : packed(
          Uint8Array.from(values, (value) => value - low),
          bits,
        )
  const codes = site.fixed(`codes of ${name}`, 'uint8', [stored.length], stored)
  if (kind === 'shifted')
    return {
      dense: {
        reads: [codes],
        type,
        at: (i) => `(int32_t)${codeAt(`a${from}`, i, bits)} + (${low})`,
      },
    }
  const table = site.fixed(`values of ${name}`, 'int8', [book!.table.length], book!.table)
  return {
    dense: { reads: [codes, table], type, at: (i) => `a${from + 1}[${codeAt(`a${from}`, i, book!.bits)}]` },
  }
}
