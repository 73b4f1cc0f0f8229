/** Samples that are rows of named arrays, whatever file the arrays came from. */
import path from 'node:path'
import { ArrayPreprocessing, type Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { SampleInput } from '../../contract/sample-form'
import { isFloat, sizeOf } from '../onnx'
import type { Value, Values } from '../runtime/value'
import { bindArrays, type Bound, type NamedArray } from './arrays'
import { inSteps } from './array-clips'
import { inSamples } from './array-layout'
import {
  convertRows,
  isIdentity,
  pixelFit,
  spreadAffine,
  type Affine,
  type RowFit,
  type SpreadAffine,
} from './convert'
import { encodeNpy } from './encode-npy'
import { finiteRows, selectSource } from './gaps'
import type { ReaderContext } from './reader'
import { columnsOf as columnsNamed } from './spec'
import type { RawFile, RawLabels, RawSamples, Reading, Rows, Source, SourcePreview } from './source'

interface ArraySourceOptions {
  /** Labels that are known already; present (even undefined), no array is taken for them. */
  labels?: RawLabels | undefined
  /** What a person should know beyond how arrays are read. */
  notes?: readonly string[]
  /** Whether a sample goes on where the one before it ended. */
  follows?: (index: number) => boolean
  /** Called when the source is closed. */
  close?: () => void | Promise<void>
}

/** Binds arrays to inputs and labels. Throws `data/empty`, `data/shape-mismatch`. */
export async function sourceOfArrays(
  stored: readonly NamedArray[],
  file: string,
  { inputs, options }: ReaderContext,
  own: ArraySourceOptions = {},
): Promise<Source> {
  if (stored.length === 0) throw new PareError('data/empty', { path: file })
  const { arrays, clips, meant } = await inSteps(
    inSamples(stored, inputs, options.columns),
    inputs,
    options.columns,
  )
  const columns = { ...keptColumns(arrays, columnsNamed(options.preprocessing)), ...options.columns }
  const bound = bindArrays(arrays, inputs, { ...options, columns, ...('labels' in own && { label: null }) })
  const used = new Set(
    [...bound.inputs.values()].flatMap(({ array }) => (array === undefined ? [] : [array])),
  )
  const lengths = arrays.filter(({ name }) => used.has(name) || name === bound.label)
  const length = lengths[0]!.length
  const odd = lengths.find((array) => array.length !== length)
  if (odd)
    throw new PareError('data/shape-mismatch', {
      input: odd.name,
      expected: `${length} samples, as ${lengths[0]!.name} has`,
      got: `${odd.length} samples`,
    })
  if (length === 0) throw new PareError('data/empty', { path: file })
  const byName = new Map(arrays.map((array) => [array.name, array]))
  const rows = new Map<string, Rows>()
  for (const name of used) rows.set(name, await byName.get(name)!.open())
  const labels =
    bound.label === undefined ? own.labels : await labelsOfRows(await byName.get(bound.label)!.open())
  const { suggested, notes } = suggestArray(bound, (name) => byName.get(name)!.looksLikeBytes)
  const title = (index: number): string => `${path.basename(file)}, row ${index + 1}`
  const source = new ArraySource(
    length,
    bound.inputs,
    rows,
    labels,
    suggested,
    [...bound.notes, ...notes, ...(own.notes ?? [])],
    title,
    columnsOf(bound, byName),
    own.close,
    clips ? (index) => index > 0 && clips[index] === clips[index - 1] : own.follows,
  )
  return meant ? selectSource(source, meant, []) : source
}

const columnsOf = (
  bound: Bound,
  arrays: ReadonlyMap<string, NamedArray>,
): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    [...bound.inputs].flatMap(([name, { array }]) => {
      const columns = array === undefined ? undefined : arrays.get(array)?.columns
      return columns ? [[name, columns]] : []
    }),
  )

/** Columns a preprocessing remembers, as far as these data have them: it may come from other data. */
function keptColumns(arrays: readonly NamedArray[], columns: Record<string, string>): Record<string, string> {
  const names = new Set(arrays.map(({ name }) => name))
  return Object.fromEntries(Object.entries(columns).filter(([, array]) => names.has(array)))
}

/** Fewer numbers than this are measurements, not pixels. */
const PICTURE_SIZE = 64

/** Pictures stored as bytes are meant as 0 to 1 unless the finder or a person says otherwise. */
function suggestArray(
  bound: Bound,
  isBytes: (array: string) => boolean,
): { suggested: Extract<Preprocessing, { kind: 'array' }>; notes: string[] } {
  const columns = Object.fromEntries(
    [...bound.inputs].flatMap(([name, { array }]) =>
      array === undefined || array === name ? [] : [[name, array]],
    ),
  )
  const plain = { kind: 'array' as const, scale: 1, mean: [0], std: [1], columns }
  const pictures = [...bound.inputs.values()].some(
    ({ info, array, fit }) =>
      array !== undefined &&
      isFloat(info.dtype ?? 'float32') &&
      sizeOf(fit.dims) >= PICTURE_SIZE &&
      isBytes(array),
  )
  return pictures
    ? { suggested: { ...plain, scale: 1 / 255 }, notes: ['Bytes 0 to 255 are scaled to 0 to 1.'] }
    : { suggested: plain, notes: [] }
}

const PLAIN: Affine = { scale: 1, mean: [0], std: [1] }
const PLAIN_ARRAY = ArrayPreprocessing.parse({ kind: 'array' })

type BoundInput = NonNullable<ReturnType<Bound['inputs']['get']>>

const described = ({ scale, mean, std, inner }: SpreadAffine): NonNullable<SampleInput['affine']> => ({
  scale,
  mean: [...mean],
  std: [...std],
  inner,
})

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

/** RFC 4180, names in the first line. */
const csvRow = (cells: ReadonlyMap<string, string>): Buffer =>
  Buffer.from(
    `${[[...cells.keys()], [...cells.values()]].map((row) => row.map(quoted).join(',')).join('\n')}\n`,
  )

/** Samples whose inputs are rows of arrays. */
class ArraySource implements Source {
  constructor(
    readonly length: number,
    private readonly bound: Bound['inputs'],
    private readonly rows: ReadonlyMap<string, Rows>,
    readonly labels: RawLabels | undefined,
    readonly suggested: Preprocessing,
    readonly notes: readonly string[],
    private readonly title: (index: number) => string,
    private readonly columns: Readonly<Record<string, readonly string[]>>,
    private readonly onClose: () => void | Promise<void> = () => {},
    readonly follows?: (index: number) => boolean,
  ) {}

  /** Scaling belongs to what is measured: see `measuredRank`. */
  private isMeasured({ info, fit }: BoundInput): boolean {
    return isFloat(info.dtype ?? 'float32') && fit.dims.length === measuredRank(this.bound)
  }

  private affineOf(input: BoundInput, preprocessing: Preprocessing): Affine {
    return this.isMeasured(input) && preprocessing.kind === 'array' ? preprocessing : PLAIN
  }

  private fitOf(input: BoundInput, preprocessing: Preprocessing): RowFit {
    const { fit, array } = input
    const isPicture = this.isMeasured(input) && preprocessing.kind === 'array' && array !== undefined
    return isPicture ? pixelFit(this.rows.get(array)!.dims, fit, preprocessing) : fit
  }

  readonly raw: RawSamples = {
    form: (preprocessing) => {
      const inputs = [...this.bound].map(([name, input]): SampleInput => {
        const { info, constant = 0 } = input
        const fit = this.fitOf(input, preprocessing)
        const affine = this.affineOf(input, preprocessing)
        return {
          name,
          dtype: info.dtype ?? 'float32',
          dims: [...fit.dims],
          from:
            input.array === undefined
              ? { kind: 'constant', value: constant }
              : this.origin(name, input.array),
          ...(fit.stored && { stored: [...fit.stored] }),
          ...(fit.axes && { transpose: [...fit.axes] }),
          ...(fit.reversed !== undefined && { reversed: fit.reversed }),
          ...(!isIdentity(affine) && { affine: described(spreadAffine(fit.dims, affine)) }),
        }
      })
      return { ...(preprocessing.kind === 'array' ? preprocessing : PLAIN_ARRAY), inputs }
    },
    files: (index) => this.rawFiles(index),
  }

  private origin(input: string, array: string): SampleInput['from'] {
    const columns = this.columns[input]
    return columns
      ? { kind: 'columns', columns: [...columns] }
      : { kind: 'array', array, dims: [...this.rows.get(array)!.dims] }
  }

  /** Numbers of columns as a table of one row, whole arrays as NPY files. */
  private async rawFiles(index: number): Promise<RawFile[]> {
    const files: RawFile[] = []
    const cells = new Map<string, string>()
    for (const [input, { array }] of this.bound) {
      if (array === undefined) continue
      const value = await this.rows.get(array)!.read([index])
      const columns = this.columns[input]
      if (columns) for (const [i, name] of columns.entries()) cells.set(name, String(value.data[i]))
      else if (!files.some(({ name }) => name === array))
        files.push({ name: array, ending: '.npy', bytes: encodeNpy(value) })
    }
    if (cells.size > 0) files.push({ name: 'row', ending: '.csv', bytes: csvRow(cells) })
    return files
  }

  async read(indices: readonly number[], preprocessing: Preprocessing): Promise<Reading> {
    const inputs: Values = {}
    for (const [name, input] of this.bound) {
      const { info, fit, array, constant } = input
      const dtype = info.dtype ?? 'float32'
      if (array === undefined) {
        inputs[name] = convertRows(filled(indices.length, fit.dims, constant ?? 0), fit, dtype, PLAIN)
        continue
      }
      const rows = await this.rows.get(array)!.read(indices)
      inputs[name] = convertRows(
        rows,
        this.fitOf(input, preprocessing),
        dtype,
        this.affineOf(input, preprocessing),
      )
    }
    return { inputs }
  }

  async hasGap(indices: readonly number[]): Promise<boolean[]> {
    const gaps = indices.map(() => false)
    for (const { info, array } of this.bound.values()) {
      const rows = array === undefined ? undefined : this.rows.get(array)!
      // A mask that is added to scores shuts out by infinity.
      if (!rows || !isFloat(rows.dtype) || /mask/i.test(info.name)) continue
      const finite = finiteRows(await rows.read(indices), info.dtype === 'float64')
      for (const [i, isFinite] of finite.entries()) if (!isFinite) gaps[i] = true
    }
    return gaps
  }

  async preview(index: number, preprocessing: Preprocessing): Promise<SourcePreview> {
    const { inputs } = await this.read([index], preprocessing)
    return { title: this.title(index), inputs, columns: this.columns }
  }

  async identity(indices: readonly number[]): Promise<Uint8Array[]> {
    const pieces: Uint8Array[][] = indices.map(() => [])
    for (const { array } of this.bound.values()) {
      if (array === undefined) continue
      const { data } = await this.rows.get(array)!.read(indices)
      if (Array.isArray(data)) continue
      const width = data.byteLength / indices.length
      for (const [i, list] of pieces.entries())
        list.push(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset + i * width, width))
    }
    return pieces.map((list) => Buffer.concat(list))
  }

  async close(): Promise<void> {
    for (const rows of this.rows.values()) await rows.close()
    if (this.labels?.kind === 'rows') await this.labels.rows.close()
    await this.onClose()
  }
}

/**
 * Ids and masks are not measurements, and a few numbers beside a picture are not pixels: scaling belongs to the
 * floating-point inputs of the highest rank.
 */
function measuredRank(bound: Bound['inputs']): number {
  const floats = [...bound.values()].filter(({ info }) => isFloat(info.dtype ?? 'float32'))
  return Math.max(0, ...floats.map(({ fit }) => fit.dims.length))
}

const filled = (count: number, dims: readonly number[], value: number): Value => {
  const size = dims.reduce((product, dim) => product * dim, count)
  return { dtype: 'float32', dims: [count, ...dims], data: new Float32Array(size).fill(value) }
}

/** Labels of an array: text becomes names, numbers stay rows. */
async function labelsOfRows(rows: Rows): Promise<RawLabels> {
  if (rows.dtype !== 'string') return { kind: 'rows', rows }
  const names = new Map<string, number>()
  const of = new Int32Array(rows.length)
  for (let from = 0; from < rows.length; from += 4096) {
    const count = Math.min(4096, rows.length - from)
    const { data } = await rows.read(Array.from({ length: count }, (_, i) => from + i))
    for (const [i, name] of (data as string[]).entries()) {
      if (!names.has(name)) names.set(name, names.size)
      of[from + i] = names.get(name)!
    }
  }
  await rows.close()
  return { kind: 'names', names: [...names.keys()], of }
}
