/**
 * What libvips does otherwise than the tools models are trained with: it enlarges with a shift of half a pixel.
 * Source: pixel centres at (i + ½), as in Pillow, OpenCV (INTER_LINEAR) and ONNX Resize (half_pixel).
 */

interface Pixels {
  width: number
  height: number
  channels: number
  /** [height, width, channels]. */
  data: Uint8Array
}

/** Bilinear, to a size that is at least as large in both directions. */
export function enlarge({ width, height, channels, data }: Pixels, across: number, down: number): Pixels {
  const columns = taps(width, across)
  const rows = taps(height, down)
  const out = new Uint8Array(across * down * channels)
  for (let y = 0; y < down; y++) {
    const top = rows.first[y]! * width
    const bottom = rows.second[y]! * width
    const v = rows.weight[y]!
    for (let x = 0; x < across; x++) {
      const left = columns.first[x]!
      const right = columns.second[x]!
      const u = columns.weight[x]!
      for (let c = 0; c < channels; c++) {
        const at = (i: number): number => data[i * channels + c]!
        const upper = at(top + left) * (1 - u) + at(top + right) * u
        const lower = at(bottom + left) * (1 - u) + at(bottom + right) * u
        out[(y * across + x) * channels + c] = Math.round(upper * (1 - v) + lower * v)
      }
    }
  }
  return { width: across, height: down, channels, data: out }
}

/** For each new position the two old ones it lies between, and how far it is on the way to the second. */
function taps(from: number, to: number): { first: Int32Array; second: Int32Array; weight: Float64Array } {
  const first = new Int32Array(to)
  const second = new Int32Array(to)
  const weight = new Float64Array(to)
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5))
    first[i] = Math.floor(at)
    second[i] = Math.min(from - 1, first[i]! + 1)
    weight[i] = at - first[i]!
  }
  return { first, second, weight }
}

/** The middle of a larger picture, or a smaller one in the middle of a border. */
export function centred(pixels: Pixels, width: number, height: number, border: number): Pixels {
  const { channels, data } = pixels
  if (pixels.width === width && pixels.height === height) return pixels
  const out = new Uint8Array(width * height * channels).fill(border)
  const left = Math.floor((pixels.width - width) / 2)
  const top = Math.floor((pixels.height - height) / 2)
  const from = Math.max(0, left)
  const count = Math.min(pixels.width, width)
  for (let y = Math.max(0, -top); y < Math.min(height, pixels.height - top); y++) {
    const start = ((y + top) * pixels.width + from) * channels
    out.set(data.subarray(start, start + count * channels), (y * width + from - left) * channels)
  }
  return { width, height, channels, data: out }
}
