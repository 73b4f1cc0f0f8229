/** Weights as steps read them: compressed in flash, decoded inside the loop that multiplies. */
import type { Site } from './lowering'
import type { Buffer } from './program'
import { size } from './sharing'
import {
  bookOf,
  entryBytes,
  FACTORS,
  packed,
  smallestCodes,
  sparseOf,
  widthOf,
  type CodeBits,
  type Sparse,
} from './weight-codes'

export interface DenseWeights {
  reads: Buffer[]
  /** Codes side by side in a byte. */
  perByte: number
  /**
   * Element `index` of the weight as an expression; with `rowScale`, it is to be multiplied by that at the end of a row. With
   * `run`, a multiple of `perByte` of which `index` is one too, it is the element `u` behind that.
   */
  at(index: string, u?: number, run?: number): string
  /** Type of that expression. */
  type: string
  rowScale?(row: string): string
}

export interface SparseWeights {
  reads: Buffer[]
  /** Distance of entry `e` from the one before it, and its value, as expressions. */
  gap: string
  value: string
  /** Type of the value. */
  type: string
  entries: number
  rowScale?(row: string): string
}

export type Weights = { dense: DenseWeights } | { sparse: SparseWeights }

const behind = (index: string, u: number): string => (u === 0 ? index : `${index} + ${u}`)

/** By a shift where it can be: as a parameter of a function a size is no constant to the compiler. */
const divided = (by: number): string =>
  Number.isInteger(Math.log2(by)) ? `>> ${size(Math.log2(by))}` : `/ ${size(by)}`

/** A code of an array of packed ones; which bits it has is known where it lies in a run of whole bytes. */
function codeAt(array: string, bits: CodeBits, index: string, u = 0, run = 1): string {
  if (bits === 8) return `${array}[${behind(index, u)}]`
  const each = 8 / bits
  const log = { 8: 3, 4: 2, 2: 1 }[each as 8 | 4 | 2]
  const mask = 2 ** bits - 1
  if (run > 1) {
    const byte = `${array}[(${index}) >> ${log}]`
    return u % each === each - 1
      ? `(${byte} >> ${8 - bits})`
      : `((${byte} >> ${(u % each) * bits}) & ${mask})`
  }
  const shift = { 1: 0, 2: 1, 4: 2 }[bits]
  const place = behind(index, u)
  const offset = shift === 0 ? `((${place}) & ${each - 1})` : `(((${place}) & ${each - 1}) << ${shift})`
  return `((${array}[(${place}) >> ${log}] >> ${offset}) & ${mask})`
}

type Table = Pick<Sparse, 'table'> & { dtype: 'float32' | 'int8' }

const sparse = (
  site: Site,
  name: string,
  { gaps, gapBits, codes, bits, table, dtype }: Omit<Sparse, 'kind'> & Table,
  from: number,
): SparseWeights => ({
  reads: [
    site.fixed(`gaps of ${name}`, 'uint8', [Math.ceil((gaps.length * gapBits) / 8)], packed(gaps, gapBits)),
    site.fixed(`codes of ${name}`, 'uint8', [Math.ceil((codes.length * bits) / 8)], packed(codes, bits)),
    site.fixed(`values of ${name}`, dtype, [table.length], table),
  ],
  gap: `(int32_t)${codeAt(`a${from}`, gapBits, 'e')}`,
  value: `a${from + 2}[${codeAt(`a${from + 1}`, bits, 'e')}]`,
  type: dtype === 'float32' ? 'float' : 'int32_t',
  entries: gaps.length,
})

/** The FACTORS of a layer as read `at`. */
function factored(
  site: Site,
  name: string,
  at: number,
): { reads: Buffer[]; rowScale?: (row: string) => string } {
  const factors = site.node.floats(FACTORS)
  return factors
    ? {
        reads: [site.fixed(`factors of ${name}`, 'float32', [factors.length], factors)],
        rowScale: (row) => `a${at}[${row}]`,
      }
    : { reads: [] }
}

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
    case 'sparse': {
      const weights = sparse(site, name, { ...codes, dtype: 'float32' }, from)
      const { reads, rowScale } = factored(site, name, from + weights.reads.length)
      return { sparse: { ...weights, reads: [...weights.reads, ...reads], ...(rowScale && { rowScale }) } }
    }
    case 'plain': {
      const reads = [site.fixed(name, 'float32', [values.length], values)]
      return {
        dense: { reads, type: 'float', perByte: 1, at: (index, u = 0) => `a${from}[${behind(index, u)}]` },
      }
    }
    case 'book': {
      const { bits, table } = codes
      const bytes = packed(codes.codes, bits)
      const { reads: factors, rowScale } = factored(site, name, from + 2)
      const reads = [
        site.fixed(`codes of ${name}`, 'uint8', [bytes.length], bytes),
        site.fixed(`values of ${name}`, 'float32', [table.length], table),
        ...factors,
      ]
      return {
        dense: {
          reads,
          ...(rowScale && { rowScale }),
          type: 'float',
          perByte: 8 / bits,
          at: (...place) => `a${from + 1}[${codeAt(`a${from}`, bits, ...place)}]`,
        },
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
      const place = (index: string, u = 0, run = 1): string =>
        `[(${group % run === 0 ? index : behind(index, u)}) ${divided(group)}]`
      const code: DenseWeights['at'] = (...at) => {
        const stored = codeAt(`a${from}`, bits, ...at)
        if (isSigned || (lows.length === 1 && low === 0)) return `(float)${stored}`
        return `(float)((int32_t)${stored} + ${lows.length > 1 ? `a${from + 2}${place(...at)}` : `(${size(low)})`})`
      }
      const perByte = 8 / bits
      if (group >= cols)
        return {
          dense: {
            reads,
            type: 'float',
            perByte,
            at: code,
            rowScale: (row) => `a${from + 1}[${group > cols ? '0' : row}]`,
          },
        }
      return {
        dense: {
          reads,
          type: 'float',
          perByte,
          at: (...at) => `${code(...at)} * a${from + 1}${place(...at)}`,
        },
      }
    }
  }
}

/** The fewest bytes for codes of integer arithmetic. */
function integerForm(values: Int8Array) {
  const floats = Float32Array.from(values)
  const low = values.reduce((least, value) => Math.min(least, value), 127)
  const high = values.reduce((most, value) => Math.max(most, value), -128)
  const bits = widthOf(high - low + 1)!
  const [book, gaps] = [bookOf(floats), sparseOf(floats)]
  const bytes = (codes: number, width: CodeBits): number => Math.ceil((codes * width) / 8)
  const choices = [
    { bytes: values.length, kind: 'plain' as const },
    { bytes: bytes(values.length, bits), kind: 'shifted' as const },
    ...(book ? [{ bytes: bytes(values.length, book.bits) + book.table.length, kind: 'book' as const }] : []),
    ...(gaps ? [{ bytes: entryBytes(gaps) + gaps.table.length, kind: 'sparse' as const }] : []),
  ]
  const { kind } = choices.reduce((best, one) => (one.bytes < best.bytes ? one : best))
  return { kind, low, bits, book, gaps }
}

/** Whether flash holds a byte for each of them. */
export const isPlainCode = (values: Int8Array): boolean => integerForm(values).kind === 'plain'

/** Codes of integer arithmetic likewise: within −128 and 127, exact. */
export function integerWeightsOf(site: Site, name: string, values: Int8Array, from: number): Weights {
  const { kind, low, bits, book, gaps } = integerForm(values)
  if (kind === 'sparse') return { sparse: sparse(site, name, { ...gaps!, dtype: 'int8' }, from) }
  const type = 'int32_t'
  if (kind === 'plain')
    return {
      dense: {
        reads: [site.fixed(name, 'int8', [values.length], values)],
        type,
        perByte: 1,
        at: (index, u = 0) => `a${from}[${behind(index, u)}]`,
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
        perByte: 8 / bits,
        at: (...place) => `(int32_t)${codeAt(`a${from}`, bits, ...place)} + (${size(low)})`,
      },
    }
  const table = site.fixed(`values of ${name}`, 'int8', [book!.table.length], book!.table)
  return {
    dense: {
      reads: [codes, table],
      type,
      perByte: 8 / book!.bits,
      at: (...place) => `a${from + 1}[${codeAt(`a${from}`, book!.bits, ...place)}]`,
    },
  }
}
