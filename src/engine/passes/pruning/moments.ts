/** Mean and variance of each channel that sums read, from one stream over calibration data. */
import type { Model } from '../../onnx'
import { floatsOf, streamActivations, type Value } from '../../runtime'
import type { Batches } from '../../data/feeds'
import type { DependencyGraph } from './graph'

export interface Moments {
  mean: Float64Array
  variance: Float64Array
}

export interface ChannelMoments {
  get(value: string, axis: number): Moments | undefined
}

class Sums {
  count = 0
  readonly sum: Float64Array
  readonly squares: Float64Array

  constructor(
    readonly axis: number,
    channels: number,
  ) {
    this.sum = new Float64Array(channels)
    this.squares = new Float64Array(channels)
  }

  add(value: Value): void {
    const data = floatsOf(value)
    const channels = this.sum.length
    const inner = value.dims.slice(this.axis + 1).reduce((n, d) => n * d, 1)
    const outer = data.length / (channels * inner)
    for (let o = 0; o < outer; o++)
      for (let c = 0; c < channels; c++) {
        const from = (o * channels + c) * inner
        for (let i = from; i < from + inner; i++) {
          this.sum[c]! += data[i]!
          this.squares[c]! += data[i]! ** 2
        }
      }
    this.count += outer * inner
  }

  moments(): Moments {
    const mean = this.sum.map((sum) => sum / this.count)
    return { mean, variance: this.squares.map((sum, c) => Math.max(0, sum / this.count - mean[c]! ** 2)) }
  }
}

/** Channels of all sums that may lose some. Memory does not grow with the number of samples. */
export async function channelMoments(
  model: Model,
  dependencies: DependencyGraph,
  batches: Batches,
  progress?: (batch: number) => void,
): Promise<ChannelMoments> {
  const sums = new Map<string, Sums[]>()
  for (const { value, axis } of dependencies.sinks) {
    const units = dependencies.unitsOn(value, axis)
    if (!units?.some((unit) => unit >= 0)) continue
    const list = sums.get(value) ?? []
    if (!list.some((one) => one.axis === axis)) list.push(new Sums(axis, units.length))
    sums.set(value, list)
  }
  await streamActivations(
    model,
    [...sums.keys()],
    batches,
    (name, value) => {
      if (value.dtype.startsWith('float')) for (const one of sums.get(name)!) one.add(value)
    },
    { maxBytes: 2 ** 26, progress: ({ batch }) => progress?.(batch) },
  )
  return {
    get(value, axis) {
      const one = sums.get(value)?.find((candidate) => candidate.axis === axis)
      return one && one.count > 0 ? one.moments() : undefined
    },
  }
}
