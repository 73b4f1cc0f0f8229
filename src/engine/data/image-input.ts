/** What a model's input says of the pictures it wants. */
import { ImagePreprocessing, type Preprocessing } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { Dim, ValueInfo } from '../onnx'
import { rowDims, shapeText } from './convert'

export type ImageOptions = Extract<Preprocessing, { kind: 'image' }>

/** Statistics of ImageNet and MNIST training images, scaled to 0…1, as torchvision's and Keras' examples use them. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
export const MNIST = { mean: [0.1307], std: [0.3081] }

/** Colour inputs at least this large come nearly always from ImageNet recipes: resize to 256, crop 224. */
const IMAGENET_SIDE = 160
const IMAGENET_CROP = 256 / 224

/** The side used where the model leaves it open and the pictures differ in size. */
const DYNAMIC_SIDE = 224

interface Layout {
  layout: ImageOptions['layout']
  channels: 1 | 3 | 4
  height?: number
  width?: number
}

const size = (dim: Dim | undefined): number | undefined =>
  typeof dim === 'number' && dim > 0 ? dim : undefined
const isChannels = (dim: Dim | undefined): dim is 1 | 3 | 4 => dim === 1 || dim === 3 || dim === 4

/**
 * Layout, channels, size and the usual scaling for an input; `common` is the size all pictures have, if any.
 * Throws `data/shape-mismatch` where the input cannot be a picture.
 */
export function inferImage(info: ValueInfo, common?: { width: number; height: number }): ImageOptions {
  const { layout, channels, height, width } = layoutOf(info)
  const side = {
    height: height ?? common?.height ?? DYNAMIC_SIDE,
    width: width ?? common?.width ?? DYNAMIC_SIDE,
  }
  const bytes = info.dtype === 'uint8' || info.dtype === 'int8'
  const imagenet = !bytes && channels === 3 && Math.min(side.height, side.width) >= IMAGENET_SIDE
  return ImagePreprocessing.parse({
    kind: 'image',
    ...side,
    channels,
    layout,
    ...(bytes && { scale: 1 }),
    ...(imagenet && { ...IMAGENET, resize: 'shortest-side-then-crop', cropRatio: IMAGENET_CROP }),
  })
}

function layoutOf(info: ValueInfo): Layout {
  const dims = rowDims(info)
  if (dims.length === 3) {
    const [a, b, c] = dims
    if (isChannels(a) && !(isChannels(c) && size(b) === undefined)) return sized('nchw', a, b, c)
    if (isChannels(c)) return sized('nhwc', c, a, b)
    // Nothing is said of the channels: colour, channels first, as PyTorch exports.
    if (size(a) === undefined) return sized('nchw', 3, b, c)
  }
  if (dims.length === 2) return sized('flat', 1, dims[0], dims[1])
  const count = dims.length === 1 ? size(dims[0]) : undefined
  for (const channels of [1, 3, 4] as const) {
    const side = Math.sqrt((count ?? NaN) / channels)
    if (Number.isInteger(side) && side >= 4) return { layout: 'flat', channels, height: side, width: side }
  }
  throw new PareError('data/shape-mismatch', {
    input: info.name,
    expected: `[samples, ${shapeText(dims).slice(1, -1)}]`,
    got: 'images, which need height, width and 1, 3 or 4 channels',
  })
}

function sized(
  layout: Layout['layout'],
  channels: 1 | 3 | 4,
  high: Dim | undefined,
  wide: Dim | undefined,
): Layout {
  const height = size(high)
  const width = size(wide)
  return { layout, channels, ...(height && { height }), ...(width && { width }) }
}
