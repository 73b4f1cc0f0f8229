/** Statistics of activations by channel, over a stream of batches. */
import type { Model } from '../../onnx'
import { floatsOf, streamActivations, type Value } from '../../runtime'
import type { Batches } from './observe'

export interface ChannelStatistics {
  /** Largest magnitude. */
  largest: Float32Array
  mean: Float64Array
  count: number
}

/** Adds one batch; `axis` is that of the channels, negative ones count from the end. Values without channels are left out. */
export function addChannels(
  found: Map<string, ChannelStatistics>,
  name: string,
  value: Value,
  axis: number,
): void {
  if (!value.dtype.startsWith('float') || value.dims.length < 2) return
  const at = axis < 0 ? value.dims.length + axis : axis
  const channels = value.dims[at]!
  const inner = value.dims.slice(at + 1).reduce((n, d) => n * d, 1)
  let entry = found.get(name)
  if (!entry)
    found.set(
      name,
      (entry = { largest: new Float32Array(channels), mean: new Float64Array(channels), count: 0 }),
    )
  const values = floatsOf(value)
  const sums = new Float64Array(channels)
  if (inner === 1) addRows(values, sums, entry.largest)
  for (
    let start = 0, c = 0;
    inner > 1 && start < values.length;
    start += inner, c = c + 1 === channels ? 0 : c + 1
  ) {
    let sum = 0
    let largest = entry.largest[c]!
    for (let i = start; i < start + inner; i++) {
      const v = values[i]!
      sum += v
      const size = v < 0 ? -v : v
      if (size > largest) largest = size
    }
    sums[c]! += sum
    entry.largest[c] = largest
  }
  const more = values.length / channels
  entry.count += more
  for (let c = 0; c < channels; c++) entry.mean[c]! += (sums[c]! - entry.mean[c]! * more) / entry.count
}

/** Channels that lie side by side. */
function addRows(values: Float32Array, sums: Float64Array, largest: Float32Array): void {
  const channels = sums.length
  for (let start = 0; start < values.length; start += channels)
    for (let c = 0; c < channels; c++) {
      const v = values[start + c]!
      sums[c]! += v
      const size = v < 0 ? -v : v
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
  const found = new Map<string, ChannelStatistics>()
  await streamActivations(
    model,
    [...axisOf.keys()],
    batches,
    (name, value) => addChannels(found, name, value, axisOf.get(name)!),
    { maxBytes: 2 ** 26, progress: ({ batch }) => progress?.(batch) },
  )
  return found
}
