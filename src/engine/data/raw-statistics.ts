/** Range and spread of a dataset's numbers before any scaling. */
import { isFloat, sizeOf } from '../onnx'
import { floatsOf } from '../runtime/value'
import type { Dataset } from './dataset'
import type { RawStatistics } from './variants'

const SAMPLES = 256

/** Of the first floating-point input of calibration samples; undefined for what is no array. */
export async function rawStatistics(dataset: Dataset): Promise<RawStatistics | undefined> {
  if (dataset.preprocessing.kind !== 'array') return undefined
  const plain = dataset.variant({
    preprocessing: { ...dataset.preprocessing, scale: 1, mean: [0], std: [1] },
  })
  let dims: readonly number[] = []
  let elements: Moments | undefined
  for await (const { inputs } of plain.splits.calibration.batches(64, { limit: SAMPLES, shuffle: 0 })) {
    const value = Object.values(inputs).find((input) => isFloat(input.dtype))
    if (!value) return undefined
    dims = value.dims.slice(1)
    elements ??= new Moments(sizeOf(dims))
    elements.add(floatsOf(value))
  }
  if (!elements) return undefined
  const [first] = dims
  const last = dims.at(-1)
  const size = sizeOf(dims)
  return {
    min: elements.min,
    max: elements.max,
    ...spread(
      elements.grouped(1, () => 0),
      0,
    ),
    ...(dims.length > 1 && {
      channels: lists(elements.grouped(first!, (i) => Math.floor(i / (size / first!)))),
    }),
    ...(dims.length === 1 && last! > 1 && { columns: lists(elements.grouped(last!, (i) => i)) }),
  }
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
  private rows = 0
  private readonly sum: Float64Array
  private readonly squares: Float64Array

  constructor(private readonly size: number) {
    this.sum = new Float64Array(size)
    this.squares = new Float64Array(size)
  }

  add(data: Float32Array): void {
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!
      if (value < this.min) this.min = value
      if (value > this.max) this.max = value
      this.sum[i % this.size]! += value
      this.squares[i % this.size]! += value * value
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
