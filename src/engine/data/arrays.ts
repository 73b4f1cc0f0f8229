/** Named arrays of any format (NPZ, tables, Parquet) bound to the inputs of a model. */
import { PareError } from '../../contract/errors'
import { isFloat, type Dim, type DType, type ValueInfo } from '../onnx'
import { isFree } from '../runtime/signature'
import { fitRows, rowDims, shapeText, type RowFit } from './convert'
import type { Rows } from './source'
import { labelRank, naturalOrder, sameName } from './names'
import type { SampleInput } from './reader'

/** What is known of an array before it is opened. */
interface ArrayInfo {
  name: string
  length: number
  /** Shape of one row. */
  dims: readonly number[]
  dtype: DType
}

/** An array that is opened only when the model or the labels need it. */
export interface NamedArray extends ArrayInfo {
  /** All elements are whole numbers 0 to 255, as pixels are. */
  looksLikeBytes: boolean
  /** Names of the numbers of a row, where they were columns of a table. */
  columns?: readonly string[]
  open(): Promise<Rows>
}

export interface Bound {
  /** Input name → array, with the way its rows fit. `array` absent: filled with `constant`. */
  inputs: Map<string, { info: ValueInfo; fit: RowFit; array?: string; constant?: number }>
  label?: string
  notes: string[]
}

interface BindOptions {
  /** Input → array, where a person says so. */
  columns?: Readonly<Record<string, string>>
  /** Array that holds the labels, where a person says so; null: none does. */
  label?: string | null
}

const PLAIN_NAMES = ['x', 'data', 'input', 'inputs', 'features', 'images', 'samples']

/** Throws `data/shape-mismatch` naming the input, what it takes and what is there. */
export function bindArrays(
  arrays: readonly ArrayInfo[],
  inputs: readonly SampleInput[],
  options: BindOptions = {},
): Bound {
  const notes: string[] = []
  const free = new Map(arrays.map((array) => [array.name, array]))
  const bound: Bound['inputs'] = new Map()
  const label = options.label === null ? undefined : (options.label ?? labelOf(arrays, inputs))
  if (label !== undefined) {
    if (!free.has(label)) throw mismatch('labels', label, arrays)
    free.delete(label)
  }
  const bind = (info: ValueInfo, array: ArrayInfo): void => {
    const fit = array.dtype === 'string' ? undefined : fitRows(array.dims, rowDims(info))
    if (!fit) throw mismatch(info.name, `[samples, ${inner(rowDims(info))}] of ${info.dtype}`, [array])
    if (fit.note) notes.push(`${array.name}: ${fit.note}.`)
    bound.set(info.name, { info, fit, array: array.name })
    free.delete(array.name)
  }
  for (const info of inputs) {
    const name = options.columns?.[info.name]
    const chosen = name === undefined ? named(free, info.name) : free.get(name)
    if (name !== undefined && !chosen) throw mismatch(info.name, `the array ${name}`, arrays)
    if (chosen) bind(info, chosen)
  }
  for (const info of inputs) {
    if (bound.has(info.name)) continue
    if (info.state !== undefined) {
      const dims = rowDims(info).map((dim) => (isFree(dim) ? 0 : (dim as number)))
      bound.set(info.name, { info, fit: { dims }, constant: 0 })
      notes.push(`The data has no ${info.name}, which carries a state: every sample starts with it at zero.`)
      continue
    }
    const match = bestMatch([...free.values()], info)
    if (match) {
      bind(info, match)
      continue
    }
    const constant = defaultFill(info)
    const dims = constant === undefined ? undefined : sizesLike(bound, info)
    if (constant === undefined || !dims)
      throw mismatch(info.name, `[samples, ${inner(rowDims(info))}] of ${info.dtype}`, [...free.values()])
    notes.push(`The data has no ${info.name}; it is filled with ${constant}.`)
    bound.set(info.name, { info, fit: { dims }, constant })
  }
  return { inputs: bound, ...(label !== undefined && { label }), notes }
}

const inner = (dims: readonly Dim[]): string => shapeText(dims).slice(1, -1)

const mismatch = (input: string, expected: string, arrays: readonly ArrayInfo[]): PareError =>
  new PareError('data/shape-mismatch', {
    input,
    expected,
    got:
      arrays.map((a) => `${a.name} [${[a.length, ...a.dims].join(', ')}] of ${a.dtype}`).join('; ') ||
      'nothing',
  })

function labelOf(arrays: readonly ArrayInfo[], inputs: readonly ValueInfo[]): string | undefined {
  const taken = new Set(inputs.map((info) => info.name))
  return arrays
    .filter((array) => labelRank(array.name) !== undefined && !taken.has(array.name))
    .sort((a, b) => labelRank(a.name)! - labelRank(b.name)!)[0]?.name
}

const named = (free: ReadonlyMap<string, ArrayInfo>, name: string): ArrayInfo | undefined =>
  free.get(name) ?? [...free.values()].find((array) => sameName(array.name, name))

/** Same shape first, then same element type, then a name that says "the data". */
function bestMatch(free: readonly ArrayInfo[], info: ValueInfo): ArrayInfo | undefined {
  const score = (array: ArrayInfo): number => {
    const fit = array.dtype === 'string' ? undefined : fitRows(array.dims, rowDims(info))
    if (!fit) return -1
    const kind = isFloat(array.dtype) === isFloat(info.dtype ?? 'float32') ? 4 : 0
    return (fit.note ? 0 : 8) + kind + (PLAIN_NAMES.includes(array.name.toLowerCase()) ? 2 : 0)
  }
  const [best] = free.toSorted((a, b) => score(b) - score(a) || naturalOrder(a.name, b.name))
  if (best && score(best) >= 0) return best
  // Alone it is surely meant; binding it says what does not fit.
  return free.length === 1 && free[0]!.dtype !== 'string' ? free[0] : undefined
}

/** What tokenizers leave out by default. Source: Hugging Face BertTokenizer. */
function defaultFill(info: ValueInfo): number | undefined {
  if (/token_type|segment/i.test(info.name)) return 0
  return /attention_mask|input_mask/i.test(info.name) ? 1 : undefined
}

/** The shape of an input that is declared alike, else of any that could be. */
function sizesLike(bound: Bound['inputs'], info: ValueInfo): number[] | undefined {
  const want = rowDims(info)
  const could = [...bound.values()].filter(
    ({ fit }) => fit.dims.length === want.length && fitRows(fit.dims, want),
  )
  const alike = could.find((other) => shapeText(rowDims(other.info)) === shapeText(want))
  return (alike ?? could.find((other) => other.info.dtype === info.dtype) ?? could[0])?.fit.dims
}
