/** One sample as a person sees it: a thumbnail, a curve, numbers or text. */
import type { SamplePreview } from '../../contract/dataset'
import { sizeOf } from '../onnx'
import { floatsOf, type Value } from '../runtime/value'
import { pngUri, type RawPicture } from '../runtime/pictures'
import type { SourcePreview } from './source'

const SERIES_POINTS = 256
const SERIES_LIMIT = 8
const VALUES_LIMIT = 32
export const THUMBNAIL_SIDE = 96

export async function previewOf(
  index: number,
  raw: SourcePreview,
  label: string | undefined,
): Promise<SamplePreview> {
  const { inputs, columns, ...rest } = raw
  const preview: SamplePreview = { index, ...rest, ...(label !== undefined && { label }) }
  if (!inputs || preview.thumbnail !== undefined || preview.text !== undefined) return preview
  for (const [name, value] of Object.entries(inputs)) {
    if (Array.isArray(value.data)) continue
    const picture = pictureOf(value)
    if (picture) preview.thumbnail ??= await pngUri(picture, THUMBNAIL_SIDE)
    else if (sizeOf(value.dims) > VALUES_LIMIT)
      preview.series = [...(preview.series ?? []), ...seriesOf(value)].slice(0, SERIES_LIMIT)
    else preview.values = [...(preview.values ?? []), ...valuesOf(name, value, columns?.[name])]
  }
  return preview
}

/** Inputs of shape [1, C, H, W] or [1, H, W, C] with one or three channels and sides like those of an image. */
function pictureOf(value: Value): RawPicture | undefined {
  const [, a = 0, b = 0, c = 0] = value.dims
  if (value.dims.length !== 4) return undefined
  const first = a === 1 || a === 3
  if (!first && c !== 1 && c !== 3) return undefined
  const [channels, height, width] = first ? [a as 1 | 3, b, c] : [c as 1 | 3, a, b]
  if (Math.min(height, width) < 4) return undefined
  const floats = floatsOf(value)
  let low = Infinity
  let high = -Infinity
  for (const v of floats) {
    if (v < low) low = v
    if (v > high) high = v
  }
  const plane = width * height
  const pixels = new Uint8Array(plane * channels)
  for (let i = 0; i < plane; i++)
    for (let k = 0; k < channels; k++) {
      const v = floats[first ? k * plane + i : i * channels + k]!
      pixels[i * channels + k] = high > low ? Math.round((255 * (v - low)) / (high - low)) : 0
    }
  return { width, height, channels, pixels }
}

/** Rows along the longest axis; see `shorten` for long ones. */
function seriesOf(value: Value): number[][] {
  const dims = value.dims.slice(1)
  const long = dims.indexOf(Math.max(...dims))
  const length = dims[long] ?? 1
  const inner = sizeOf(dims.slice(long + 1))
  const floats = floatsOf(value)
  const lines = Math.min(SERIES_LIMIT, floats.length / length)
  return Array.from({ length: lines }, (_, line) => {
    const base = Math.floor(line / inner) * inner * length + (line % inner)
    return shorten(Array.from({ length }, (_, t) => floats[base + t * inner]!))
  })
}

/** At most 256 points that keep the outline: each stretch gives its lowest and highest value, in their order. */
export function shorten(points: readonly number[]): number[] {
  if (points.length <= SERIES_POINTS) return [...points]
  const stretches = SERIES_POINTS / 2
  const out: number[] = []
  for (let s = 0; s < stretches; s++) {
    const stretch = points.slice(
      Math.floor((s * points.length) / stretches),
      Math.floor(((s + 1) * points.length) / stretches),
    )
    const low = stretch.indexOf(Math.min(...stretch))
    const high = stretch.indexOf(Math.max(...stretch))
    out.push(stretch[Math.min(low, high)]!, stretch[Math.max(low, high)]!)
  }
  return out
}

function valuesOf(
  name: string,
  value: Value,
  columns?: readonly string[],
): { name: string; value: number }[] {
  const floats = floatsOf(value)
  const single = floats.length === 1
  return Array.from(floats, (v, i) => ({
    name: columns?.[i] ?? (single ? name : `${name} ${i + 1}`),
    value: Number(v.toPrecision(6)),
  }))
}
