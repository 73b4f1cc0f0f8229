/** Range and spread of a dataset's numbers before any scaling. */
import { isFloat, sizeOf } from '../onnx'
import { floatsOf, type Value, type Values } from '../runtime/value'
import { channelsAt } from './convert'
import type { Dataset } from './dataset'
import type { RawStatistics } from './variants'

const SAMPLES = 4096
const NUMBERS = 2 ** 24

/** Of the input that preprocessing scales, in training samples, as those who train take them; undefined where none is. */
export async function rawStatistics(dataset: Dataset): Promise<RawStatistics | undefined> {
  if (dataset.preprocessing.kind !== 'array') return undefined
  const plain = dataset.variant({
    preprocessing: { ...dataset.preprocessing, scale: 1, mean: [0], std: [1] },
  })
  const { calibration, training } = plain.splits
  const split = training.length > calibration.length ? training : calibration
  let dims: readonly number[] = []
  let elements: Moments | undefined
  let left = NUMBERS
  for await (const { inputs } of split.batches(64, { limit: SAMPLES, shuffle: 0 })) {
    const value = measuredInput(inputs)
    if (!value) return undefined
    dims = value.dims.slice(1)
    elements ??= new Moments(sizeOf(dims))
    elements.add(floatsOf(value))
    left -= value.data.length
    if (left < 0) break
  }
  if (!elements) return undefined
  const [first] = dims
  const last = dims.at(-1)
  const size = sizeOf(dims)
  return {
    dims,
    ...((await isUnrolled(dataset, dims)) && { unrolled: true }),
    min: elements.min,
    max: elements.max,
    ...spread(
      elements.grouped(1, () => 0),
      0,
    ),
    ...(dims.length > 1 && {
      channels: lists(elements.grouped(first!, (i) => Math.floor(i / (size / first!)))),
    }),
    ...(dims.length === 1 &&
      last! > 1 && { columns: { ...lists(elements.grouped(last!, (i) => i)), ...elements.ranges } }),
  }
}

/** Whether pixels or steps lie otherwise where rows are said to hold them the other way. */
async function isUnrolled(dataset: Dataset, dims: readonly number[]): Promise<boolean> {
  const { preprocessing } = dataset
  const axis = channelsAt(dims)
  if (axis === undefined || preprocessing.kind !== 'array') return false
  const stored = axis === 0 ? ('hwc' as const) : ('chw' as const)
  const samples: number[][] = []
  for (const way of [dataset, dataset.variant({ preprocessing: { ...preprocessing, stored } })])
    for await (const { inputs } of way.splits.calibration.batches(4, { limit: 4 }))
      samples.push([...floatsOf(measuredInput(inputs)!)])
  return samples[0]!.some((value, i) => value !== samples[1]![i])
}

/** The first of the floating-point inputs of the highest rank: what an array's scale and means belong to. */
export function measuredInput(inputs: Values): Value | undefined {
  const floats = Object.values(inputs).filter(({ dtype }) => isFloat(dtype))
  const rank = Math.max(0, ...floats.map(({ dims }) => dims.length))
  return floats.find(({ dims }) => dims.length === rank)
}

interface Sums {
  count: Float64Array
  sum: Float64Array
  squares: Float64Array
}

function spread({ count, sum, squares }: Sums, group: number): { mean: number; std: number } {
  const mean = sum[group]! / count[group]!
  return { mean, std: Math.sqrt(Math.max(0, squares[group]! / count[group]! - mean * mean)) }
}

function lists(sums: Sums): { mean: number[]; std: number[] } {
  const all = Array.from(sums.count, (_, group) => spread(sums, group))
  return { mean: all.map(({ mean }) => mean), std: all.map(({ std }) => std || 1) }
}

/** Sums per element of a sample. */
class Moments {
  min = Infinity
  max = -Infinity
  private readonly lows: Float64Array
  private readonly highs: Float64Array
  private rows = 0
  private readonly sum: Float64Array
  private readonly squares: Float64Array

  constructor(private readonly size: number) {
    this.sum = new Float64Array(size)
    this.squares = new Float64Array(size)
    this.lows = new Float64Array(size).fill(Infinity)
    this.highs = new Float64Array(size).fill(-Infinity)
  }

  get ranges(): { low: number[]; high: number[] } {
    return { low: [...this.lows], high: [...this.highs] }
  }

  add(data: Float32Array): void {
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!
      if (value < this.min) this.min = value
      if (value > this.max) this.max = value
      this.sum[i % this.size]! += value
      this.squares[i % this.size]! += value * value
      if (value < this.lows[i % this.size]!) this.lows[i % this.size] = value
      if (value > this.highs[i % this.size]!) this.highs[i % this.size] = value
    }
    this.rows += data.length / this.size
  }

  grouped(groups: number, groupOf: (element: number) => number): Sums {
    const sums = {
      count: new Float64Array(groups),
      sum: new Float64Array(groups),
      squares: new Float64Array(groups),
    }
    for (let i = 0; i < this.size; i++) {
      const group = groupOf(i)
      sums.count[group]! += this.rows
      sums.sum[group]! += this.sum[i]!
      sums.squares[group]! += this.squares[i]!
    }
    return sums
  }
}
