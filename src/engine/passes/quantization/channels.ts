/** Statistics of activations by channel, over a stream of batches. */
import type { Model } from '../../onnx'
import { floatsOf, streamActivations, type Value } from '../../runtime'
import type { Batches } from '../../data/feeds'

export interface ChannelMeans {
  mean: Float64Array
  count: number
}

export interface ChannelStatistics extends ChannelMeans {
  /** Largest magnitude. */
  largest: Float32Array
}

interface Channels {
  values: Float32Array
  channels: number
  /** Values of a channel that lie side by side. */
  inner: number
}

/** `axis` is that of the channels, negative ones count from the end. Values without channels have none. */
function channelsOf(value: Value, axis: number): Channels | undefined {
  if (!value.dtype.startsWith('float') || value.dims.length < 2) return undefined
  const at = axis < 0 ? value.dims.length + axis : axis
  const inner = value.dims.slice(at + 1).reduce((n, d) => n * d, 1)
  return { values: floatsOf(value), channels: value.dims[at]!, inner }
}

/** Adds one batch to the means. */
export function addMeans(found: Map<string, ChannelMeans>, name: string, value: Value, axis: number): void {
  const layout = channelsOf(value, axis)
  if (!layout) return
  const { values, channels } = layout
  let entry = found.get(name)
  if (!entry) found.set(name, (entry = { mean: new Float64Array(channels), count: 0 }))
  const sums = channelSums(layout)
  const more = values.length / channels
  entry.count += more
  for (let c = 0; c < channels; c++) entry.mean[c]! += (sums[c]! - entry.mean[c]! * more) / entry.count
}

function channelSums({ values, channels, inner }: Channels): Float64Array {
  const sums = new Float64Array(channels)
  if (inner === 1) {
    for (let start = 0; start < values.length; start += channels)
      for (let c = 0; c < channels; c++) sums[c]! += values[start + c]!
    return sums
  }
  for (let start = 0, c = 0; start < values.length; start += inner, c = c + 1 === channels ? 0 : c + 1) {
    let sum = 0
    for (let i = start; i < start + inner; i++) sum += values[i]!
    sums[c]! += sum
  }
  return sums
}

function addLargest(largest: Float32Array, { values, channels, inner }: Channels): void {
  for (let start = 0, c = 0; start < values.length; start += inner, c = c + 1 === channels ? 0 : c + 1)
    for (let i = start; i < start + inner; i++) {
      const size = Math.abs(values[i]!)
      if (size > largest[c]!) largest[c] = size
    }
}

/** `axisOf` gives the axis of channels of each value. */
export async function channelStatistics(
  model: Model,
  axisOf: ReadonlyMap<string, number>,
  batches: Batches,
  progress?: (batch: number) => void,
): Promise<Map<string, ChannelStatistics>> {
  const means = new Map<string, ChannelMeans>()
  const largest = new Map<string, Float32Array>()
  await streamActivations(
    model,
    [...axisOf.keys()],
    batches,
    (name, value) => {
      const axis = axisOf.get(name)!
      const layout = channelsOf(value, axis)
      if (!layout) return
      addMeans(means, name, value, axis)
      if (!largest.has(name)) largest.set(name, new Float32Array(layout.channels))
      addLargest(largest.get(name)!, layout)
    },
    { maxBytes: 2 ** 26, progress: ({ batch }) => progress?.(batch) },
  )
  return new Map([...means].map(([name, mean]) => [name, { ...mean, largest: largest.get(name)! }]))
}
