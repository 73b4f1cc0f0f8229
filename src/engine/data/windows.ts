/**
 * A long log of channels cut into windows, each a sample: for models that take several channels over several steps.
 * No window spans a gap in time, or the place where another recording begins.
 */
import type { WindowSpec } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { isFree } from '../runtime/signature'
import { floatsOf } from '../runtime/value'
import { sourceOfArrays } from './array-source'
import { rowDims } from './convert'
import { isMissing, numberOf, type CsvFile } from './csv'
import { LabelColumn } from './label-column'
import { labelRank } from './names'
import type { ReaderContext } from './reader'
import { RowWriter } from './row-writer'
import type { Rows, Source } from './source'

const TIME = /^(time|timestamp|date|datetime|t|seconds?|sec|millis(econds)?|ms|elapsed)(_?(s|ms|us|ns))?$/i
/** What numbers rows and is no channel. */
const NUMBERS = /^(|id|index|idx|row|unnamed: 0|sample)$/i

/** Steps further apart than so many usual ones are a gap. */
const GAP = 1.5
/** Fewer steps than this are no window but a row of columns. */
const LEAST = 4

interface Cut {
  /** Positions of the columns that are channels, of time and of labels. */
  channels: number[]
  time?: number
  label?: number
  length: number
  /** Channels after steps, as [steps, channels]. */
  last: boolean
  spec: WindowSpec
}

/**
 * How a table is cut for a model of one input of channels and steps; undefined where its rows are samples. Throws
 * `data/spec` where windows are asked for and cannot be.
 */
export function cutFor(
  csv: CsvFile,
  sample: readonly string[][],
  { inputs, options }: ReaderContext,
): Cut | undefined {
  const spec = options.window ?? {}
  const [input, ...others] = inputs.filter(({ state }) => state === undefined)
  const refuse = (reason: string): undefined => {
    if (options.window) throw new PareError('data/spec', { reason })
    return undefined
  }
  if (!input || others.length > 0) return refuse('only a model of one input takes windows of a log')
  const names = csv.columns
  const at = (found: (name: string) => boolean): number | undefined => {
    const i = csv.hasHeader ? names.findIndex(found) : -1
    return i < 0 ? undefined : i
  }
  const named = at((name) => TIME.test(name))
  const time =
    named !== undefined && goesOn(sample.map((cells) => timeOf(cells[named]!, csv.decimalComma)))
      ? named
      : undefined
  const ranked = names.flatMap((name, i) =>
    csv.hasHeader && i !== time && labelRank(name) !== undefined ? [i] : [],
  )
  const label = options.label === undefined ? ranked[0] : at((name) => name === options.label)
  const numeric = (i: number): boolean =>
    sample.every((cells) => isMissing(cells[i]!) || !Number.isNaN(numberOf(cells[i]!, csv.decimalComma)))
  const channels = [...names.keys()].filter(
    (i) => i !== time && i !== label && !NUMBERS.test(names[i]!) && numeric(i),
  )
  const dims = rowDims(input).filter((dim, i, all) => !(dim === 1 && all.length === 3 && i < 2))
  const [a, b] = dims.length === 1 && channels.length === 1 ? [1, dims[0]!] : dims
  if (a === undefined || b === undefined || dims.length > 2)
    return refuse('the model takes no windows of channels and steps')
  const is = (dim: typeof a): boolean => dim === channels.length || isFree(dim)
  const last = is(b) && !(a === channels.length)
  if (!last && !is(a))
    return refuse(`the model takes [${dims.join(', ')}], the log has ${channels.length} channels`)
  const steps = last ? a : b
  const length = typeof steps === 'number' && steps > 0 ? steps : spec.length
  if (length === undefined) return refuse('the model leaves open how long a window is: say it as its length')
  if (!options.window && (length < LEAST || (time === undefined && dims.length === 1))) return undefined
  return {
    channels,
    ...(time !== undefined && { time }),
    ...(label !== undefined && { label }),
    length,
    last,
    spec,
  }
}

/** A column that is called like time and often falls is something else, such as a temperature. */
const goesOn = (times: readonly number[]): boolean =>
  times.filter((time, i) => i > 0 && !(time > times[i - 1]!)).length <= times.length / 10

/** Numbers, dates and times of day; seconds where they are dates. */
function timeOf(cell: string, decimalComma: boolean): number {
  const number = numberOf(cell, decimalComma)
  return Number.isNaN(number) ? Date.parse(cell) / 1000 : number
}

interface Log {
  rows: Rows
  times: number[]
  labels: string[]
}

async function readLog(
  file: string,
  csv: CsvFile,
  { channels, time, label }: Cut,
  context: ReaderContext,
): Promise<Log> {
  const { temporaryFolder: folder } = context.options
  const writer = new RowWriter([channels.length], 'float32', folder === undefined ? {} : { folder })
  const [times, labels]: [number[], string[]] = [[], []]
  try {
    for await (const { cells, where } of csv.records(context.options)) {
      await writer.push(channels.map((i) => numberOf(cells[i]!, csv.decimalComma)))
      if (label !== undefined) labels.push(cells[label]!.trim())
      if (time === undefined) continue
      const now = timeOf(cells[time]!, csv.decimalComma)
      if (Number.isNaN(now))
        throw new PareError('data/unreadable', {
          path: file,
          reason: `${where}: “${cells[time]!.slice(0, 40)}” is no time`,
        })
      times.push(now)
    }
    return { rows: await writer.finish(), times, labels }
  } catch (cause) {
    await writer.discard()
    throw cause
  }
}

const median = (values: number[]): number => values.sort((x, y) => x - y)[values.length >> 1] ?? NaN

/** Rows [from, to) without a gap between them, and the usual time from one to the next. */
export function segmentsOf(
  times: readonly number[],
  length: number,
): { segments: [number, number][]; step: number } {
  const apart = times.slice(1).map((time, i) => time - times[i]!)
  const step = median(apart.filter((d) => d > 0))
  const segments: [number, number][] = []
  let from = 0
  for (let i = 1; i <= length; i++) {
    const d = apart[i - 1]
    if (i < length && (d === undefined || (d > 0 && d <= GAP * step))) continue
    segments.push([from, i])
    from = i
  }
  return { segments, step }
}

/** Label of a window by those of its rows: the most frequent, or of measured numbers the last. */
export function labelOf(labels: readonly string[], rule?: WindowSpec['label']): string {
  const measured =
    labels.every((label) => label !== '' && !Number.isNaN(Number(label))) &&
    labels.some((label) => !Number.isInteger(Number(label)))
  if (rule === undefined && measured) return labels.at(-1)!
  if (rule === 'last') return labels.at(-1)!
  if (rule === 'any')
    return labels.find((label) => !/^(|0|0\.0|normal|none|ok|false)$/i.test(label)) ?? labels[0]!
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0]
}

/** Throws `data/empty` where no stretch without a gap is as long as a window. */
export async function windowsOf(
  file: string,
  csv: CsvFile,
  cut: Cut,
  context: ReaderContext,
): Promise<Source> {
  const { length, spec } = cut
  const { rows, times, labels } = await readLog(file, csv, cut, context)
  const { segments, step } = segmentsOf(times, rows.length)
  const stride = spec.stride ?? length
  const starts: number[] = []
  const goesOn: boolean[] = []
  for (const [from, to] of segments)
    for (let at = from; at + length <= to; at += stride) {
      goesOn.push(at > from)
      starts.push(at)
    }
  if (starts.length === 0) {
    await rows.close()
    throw new PareError('data/empty', { path: file })
  }
  const column = new LabelColumn(csv.decimalComma)
  if (labels.length > 0)
    for (const at of starts)
      column.push(labelOf(labels.slice(at, at + length), spec.label), file, `row ${at + 1}`)
  const found = await column.finish(file)
  const names = cut.channels.map((i) => csv.columns[i]!)
  const gaps = segments.length > 1 ? `, none across one of the ${segments.length - 1} gaps in time` : ''
  const note = `The log is cut into windows of ${length} rows, one every ${stride}${gaps}.${
    step > 0 ? ` Rows are ${Number(step.toPrecision(4))} apart in time.` : ''
  }`
  const array = {
    name: 'channels',
    length: starts.length,
    dims: cut.last ? [length, names.length] : [names.length, length],
    dtype: 'float32' as const,
    looksLikeBytes: false,
    open: async () => windowRows(rows, starts, cut),
  }
  return sourceOfArrays([array], file, context, {
    labels: found,
    notes: [note],
    follows: (index) => goesOn[index]!,
  })
}

function windowRows(rows: Rows, starts: readonly number[], { length, last }: Cut): Rows {
  const channels = rows.dims[0]!
  const dims = last ? [length, channels] : [channels, length]
  return {
    length: starts.length,
    dims,
    dtype: 'float32',
    async read(indices) {
      const data = new Float32Array(indices.length * length * channels)
      for (const [n, index] of indices.entries()) {
        const from = starts[index]!
        const own = floatsOf(await rows.read(Array.from({ length }, (_, t) => from + t)))
        if (last) data.set(own, n * own.length)
        else
          for (let t = 0; t < length; t++)
            for (let c = 0; c < channels; c++) data[n * own.length + c * length + t] = own[t * channels + c]!
      }
      return { dtype: 'float32', dims: [indices.length, ...dims], data }
    },
    close: () => rows.close(),
  }
}
