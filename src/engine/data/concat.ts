/** Several files read as one set of samples. */
import type { Preprocessing } from '../../contract/dataset'
import { sizeOf } from '../onnx'
import { concatRows, type Value, type Values } from '../runtime/value'
import { placesIn } from './names'
import type { RawLabels, Reading, Rows, Source, SourcePreview } from './source'

/** Which member a position falls into, and where. */
class Offsets {
  readonly starts: number[] = []
  readonly length: number

  constructor(lengths: readonly number[]) {
    let at = 0
    for (const length of lengths) {
      this.starts.push(at)
      at += length
    }
    this.length = at
  }

  locate(index: number): [member: number, position: number] {
    let member = this.starts.length - 1
    while (this.starts[member]! > index) member--
    return [member, index - this.starts[member]!]
  }

  /** Stretches of positions in one member, in the order asked for. */
  *stretches(indices: readonly number[]): Iterable<{ member: number; positions: number[]; from: number }> {
    let current: { member: number; positions: number[]; from: number } | undefined
    for (const [i, index] of indices.entries()) {
      const [member, position] = this.locate(index)
      if (current?.member === member) current.positions.push(position)
      else {
        if (current) yield current
        current = { member, positions: [position], from: i }
      }
    }
    if (current) yield current
  }
}

export function concatSources(sources: readonly Source[]): Source {
  const [first] = sources
  if (!first) throw new RangeError('no sources')
  if (sources.length === 1) return first
  const offsets = new Offsets(sources.map((source) => source.length))
  return {
    length: offsets.length,
    labels: concatLabels(
      sources.map((source) => source.labels),
      offsets,
    ),
    suggested: first.suggested,
    notes: [...new Set(sources.flatMap((source) => source.notes))],
    read: (indices, preprocessing, signal) => readAll(sources, offsets, indices, preprocessing, signal),
    preview(index, preprocessing, side): Promise<SourcePreview> {
      const [member, position] = offsets.locate(index)
      return sources[member]!.preview(position, preprocessing, side)
    },
    ...(sources.every((source) => source.raw) && {
      raw: {
        ...first.raw!,
        files(index: number) {
          const [member, position] = offsets.locate(index)
          return sources[member]!.raw!.files(position)
        },
      },
    }),
    ...(sources.every((source) => source.identity) && {
      async identity(indices: readonly number[]) {
        const all: Uint8Array[] = []
        for (const { member, positions } of offsets.stretches(indices))
          all.push(...(await sources[member]!.identity!(positions)))
        return all
      },
    }),
    ...(sources.some((source) => source.hasGap) && {
      async hasGap(indices: readonly number[]) {
        const all: boolean[] = []
        for (const { member, positions } of offsets.stretches(indices))
          all.push(...((await sources[member]!.hasGap?.(positions)) ?? positions.map(() => false)))
        return all
      },
    }),
    ...(sources.some((source) => source.follows) && {
      follows(index: number) {
        const [member, position] = offsets.locate(index)
        return sources[member]!.follows?.(position) ?? false
      },
    }),
    async close() {
      for (const source of sources) await source.close()
    },
  }
}

async function readAll(
  sources: readonly Source[],
  offsets: Offsets,
  indices: readonly number[],
  preprocessing: Preprocessing,
  signal?: AbortSignal,
): Promise<Reading> {
  const readings: Reading[] = []
  const kept: number[] = []
  for (const { member, positions, from } of offsets.stretches(indices)) {
    const reading = await sources[member]!.read(positions, preprocessing, signal)
    const places = reading.kept ?? positions.map((_, i) => i)
    if (places.length === 0) continue
    readings.push(reading)
    kept.push(...places.map((i) => from + i))
  }
  if (readings.length === 0) return { inputs: {}, kept }
  const inputs: Values = {}
  for (const name of Object.keys(readings[0]!.inputs))
    inputs[name] = concatRows(readings.map((reading) => reading.inputs[name]!))
  return kept.length === indices.length ? { inputs } : { inputs, kept }
}

function concatLabels(labels: readonly (RawLabels | undefined)[], offsets: Offsets): RawLabels | undefined {
  if (labels.every((label) => label?.kind === 'names')) {
    const names = [...new Set(labels.flatMap((label) => label.names))]
    const placeOf = placesIn(names)
    const of = labels.flatMap((label) => {
      const places = label.names.map(placeOf)
      return Array.from(label.of, (i) => (i < 0 ? -1 : places[i]!))
    })
    return { kind: 'names', names, of: Int32Array.from(of) }
  }
  if (labels.every((label) => label?.kind === 'made')) {
    const names = [...new Set(labels.flatMap((label) => label.names))]
    return {
      ...labels[0]!,
      ...(!labels[0]!.ordered && { names }),
      async make(indices, preprocessing, classes) {
        const parts = []
        for (const { member, positions } of offsets.stretches(indices))
          parts.push(await labels[member]!.make(positions, preprocessing, classes))
        const longest = Math.max(...parts.map(({ dims }) => dims[1] ?? 0))
        return concatRows(parts.map((part) => lengthened(part, longest)))
      },
    }
  }
  if (labels.every((label) => label?.kind === 'rows'))
    return { kind: 'rows', rows: concatAllRows(labels.map((label) => label.rows)) }
  return undefined
}

/** Padded with −1 along the second axis. */
function lengthened(value: Value, length: number): Value {
  const [count, own, ...rest] = value.dims as [number, number, ...number[]]
  if (value.dims.length < 2 || own === length || value.dtype !== 'float32') return value
  const width = sizeOf(rest)
  const data = new Float32Array(count * length * width).fill(-1)
  for (let row = 0; row < count; row++)
    data.set(
      (value.data as Float32Array).subarray(row * own * width, (row + 1) * own * width),
      row * length * width,
    )
  return { ...value, dims: [count, length, ...rest], data }
}

function concatAllRows(all: readonly Rows[]): Rows {
  const offsets = new Offsets(all.map((rows) => rows.length))
  return {
    length: offsets.length,
    dims: all[0]!.dims,
    dtype: all[0]!.dtype,
    async read(indices) {
      const parts = []
      for (const { member, positions } of offsets.stretches(indices))
        parts.push(await all[member]!.read(positions))
      return concatRows(parts)
    },
    async close() {
      for (const rows of all) await rows.close()
    },
  }
}
