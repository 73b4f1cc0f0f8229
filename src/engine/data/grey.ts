/** Pictures without colour for a model that looks at colours. */
import { sizeOf } from '../onnx'
import { floatsOf } from '../runtime/value'
import { channelAxis } from './convert'
import type { Dataset } from './dataset'
import { measuredInput } from './raw-statistics'

const LOOK = 32

/** Whether all channels of each sample looked at are equal before any scaling; false where the input has no colours. */
export async function isGrey(dataset: Dataset): Promise<boolean> {
  const { preprocessing } = dataset
  if (preprocessing.kind !== 'image' && preprocessing.kind !== 'array') return false
  const plain = dataset.variant({ preprocessing: { ...preprocessing, scale: 1, mean: [0], std: [1] } })
  let seen = false
  for await (const { inputs } of plain.splits.calibration.batches(LOOK, { limit: LOOK })) {
    const value = measuredInput(inputs)
    const dims = value?.dims.slice(1) ?? []
    const axis = channelAxis(dims)
    if (!value || axis === undefined) return false
    const [data, size, channels] = [floatsOf(value), sizeOf(dims), dims[axis]!]
    const pixels = size / channels
    const at = (channel: number, pixel: number): number =>
      axis === 0 ? channel * pixels + pixel : pixel * channels + channel
    for (let row = 0; row < data.length; row += size)
      for (let pixel = 0; pixel < pixels; pixel++)
        if (
          data[row + at(0, pixel)] !== data[row + at(1, pixel)] ||
          data[row + at(0, pixel)] !== data[row + at(2, pixel)]
        )
          return false
    seen = true
  }
  return seen
}
