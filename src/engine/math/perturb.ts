import { toF64, type MatMul } from './matrix'
import { dequantizeChannels, forChannels, quantizeChannels } from './quantize/channels'
import { svd } from './svd'

/** Round to nearest per channel with clipping by squared error; `values` must be finite. */
export function roundedTo(
  bits: number,
  values: Float32Array,
  dims: readonly number[],
  axis: number,
): Float32Array {
  const codes = quantizeChannels(values, dims, { bits, signed: true, symmetric: true, axis, clip: 'mse' })
  return dequantizeChannels(codes, dims, axis)
}

/** The share of smallest magnitudes set to zero. */
export function sparsified(share: number, values: Float32Array): Float32Array {
  const magnitudes = values.map(Math.abs).sort()
  const threshold = magnitudes[Math.min(values.length - 1, Math.floor(share * values.length))]!
  return values.map((value) => (Math.abs(value) < threshold ? 0 : value))
}

/** The share of channels with the smallest L1 norm set to zero; at least one stays. */
export function withoutChannels(
  share: number,
  values: Float32Array,
  dims: readonly number[],
  axis: number,
): Float32Array {
  const norms: { channel: number; norm: number }[] = []
  forChannels(values, dims, axis, (channel, row) =>
    norms.push({ channel, norm: row.reduce((n, v) => n + Math.abs(v), 0) }),
  )
  norms.sort((a, b) => a.norm - b.norm)
  const gone = new Set(
    norms.slice(0, Math.min(norms.length - 1, Math.floor(share * norms.length))).map((n) => n.channel),
  )
  const out = values.slice()
  forChannels(values, dims, axis, (channel, row, indexOf) => {
    if (gone.has(channel)) for (let i = 0; i < row.length; i++) out[indexOf(i)] = 0
  })
  return out
}

/** The best approximation of the weight, seen as [first dimension, rest], with this share of its full rank. */
export async function atRank(
  matmul: MatMul,
  share: number,
  values: Float32Array,
  dims: readonly number[],
): Promise<Float32Array> {
  const rows = dims[0]!
  const cols = values.length / rows
  const rank = Math.max(1, Math.round(share * Math.min(rows, cols)))
  const { u, s, v } = await svd(matmul, toF64({ rows, cols, data: values }), { rank })
  const out = new Float32Array(values.length)
  for (let k = 0; k < rank; k++)
    for (let i = 0; i < rows; i++) {
      const left = u.data[i * u.cols + k]! * s[k]!
      for (let j = 0; j < cols; j++) out[i * cols + j]! += left * v.data[j * v.cols + k]!
    }
  return out
}
