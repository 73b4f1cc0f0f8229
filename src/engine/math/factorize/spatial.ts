/**
 * A kernel as one along the height and one along the width. Source: Jaderberg et al., arXiv:1405.3866, section 2.2
 * (scheme 2), with the closed form of Tai et al., arXiv:1511.06067.
 */
import { svd } from '../svd'
import { matrix, type MatMul, type F64Matrix } from '../matrix'
interface Spatial {
  /** [rank, inputs, height] */
  vertical: Float64Array
  /** [outputs, rank, width] */
  horizontal: Float64Array
  rank: number
}

/** Factors of a kernel [outputs, inputs, height, width]; exact at rank min(inputs·height, outputs·width). */
export async function spatial(
  matmul: MatMul,
  kernel: Float64Array,
  [outputs, inputs, height, width]: readonly [number, number, number, number],
  rank: number,
): Promise<Spatial> {
  const m = matrix(inputs * height, outputs * width, new Float64Array(kernel.length))
  const at = (o: number, i: number, y: number, x: number): number =>
    ((o * inputs + i) * height + y) * width + x
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          m.data[(i * height + y) * outputs * width + o * width + x] = kernel[at(o, i, y, x)]!
  const { u, s, v } = await svd(matmul, m, { rank })
  const r = s.length
  const vertical = new Float64Array(r * inputs * height)
  const horizontal = new Float64Array(outputs * r * width)
  for (let k = 0; k < r; k++) {
    const root = Math.sqrt(s[k]!)
    for (let i = 0; i < inputs * height; i++) vertical[k * inputs * height + i] = u.data[i * r + k]! * root
    for (let o = 0; o < outputs; o++)
      for (let x = 0; x < width; x++)
        horizontal[(o * r + k) * width + x] = v.data[(o * width + x) * r + k]! * root
  }
  return { vertical, horizontal, rank: r }
}

/** The kernel as a matrix [inputs·height·width, outputs] that the two factors stand for. */
export async function spatialKernel(
  matmul: MatMul,
  { vertical, horizontal, rank }: Spatial,
  [outputs, inputs, height, width]: readonly [number, number, number, number],
): Promise<F64Matrix> {
  const left = matrix(rank, inputs * height, vertical)
  const right = matrix(rank, outputs * width, new Float64Array(rank * outputs * width))
  for (let o = 0; o < outputs; o++)
    for (let k = 0; k < rank; k++)
      for (let x = 0; x < width; x++)
        right.data[k * outputs * width + o * width + x] = horizontal[(o * rank + k) * width + x]!
  const { data } = await matmul(left, right, { transA: true })
  const out = new Float64Array(data.length)
  for (let i = 0; i < inputs * height; i++)
    for (let o = 0; o < outputs; o++)
      for (let x = 0; x < width; x++)
        out[(i * width + x) * outputs + o] = data[i * outputs * width + o * width + x]!
  return matrix(inputs * height * width, outputs, out)
}
