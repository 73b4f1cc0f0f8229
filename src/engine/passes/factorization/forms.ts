/** The ways to write a layer with fewer numbers, each from its weights as X [rows, inputs] · W [inputs, outputs]. */
import { lowRank, type RankRule } from '../../math/factorize/low-rank'
import { rankForShare, tuckerShare } from '../../math/factorize/rank'
import { spatial, spatialKernel } from '../../math/factorize/spatial'
import { tucker2, tuckerBack, tuckerFront } from '../../math/factorize/tucker'
import { matrix, transpose, type F64Matrix } from '../../math/matrix'
import { matmul } from '../../runtime/linalg'
import { Tensor, type Node } from '../../onnx'
import type { Layer } from '../../layers/layer'
import type { Form, Stage } from './form'

export type ConvForm = 'channel' | 'spatial' | 'tucker'

export interface Factorized {
  form: Form
  /** The weights the form stands for, [inputs, outputs]. */
  equivalent: F64Matrix
  /** Where the last stage is a plain product: what goes into it, [inputs, rank], and its weights. */
  front?: F64Matrix
  back?: F64Matrix
  /** Makes the form again with other weights in the last stage. */
  withBack?(back: F64Matrix): Form
}

export interface FormOptions {
  /** Share of the layer's elements the factors may have, or how much of the energy they must hold. */
  share?: number
  energy?: number
  rank?: number
  covariance?: F64Matrix
}

export const float = (data: ArrayLike<number>, dims: readonly number[]): Tensor =>
  Tensor.float32(dims, Float32Array.from(data))

export const ruleOf = (
  rows: number,
  cols: number,
  { share, energy, rank }: FormOptions,
  byEnergy: (s: Float64Array, e: number) => number,
): RankRule =>
  rank ??
  (energy !== undefined ? (s) => byEnergy(s, energy) : Math.max(1, rankForShare(rows, cols, share ?? 0.5)))

/** Convolution attributes of a layer, with their defaults. */
function geometry(node: Node, rank: number): { strides: number[]; pads: number[]; dilations: number[] } {
  return {
    strides: node.ints('strides') ?? new Array<number>(rank).fill(1),
    pads: node.ints('pads') ?? new Array<number>(2 * rank).fill(0),
    dilations: node.ints('dilations') ?? new Array<number>(rank).fill(1),
  }
}

/** W ≈ A·B: two products, or a convolution with fewer outputs and one of 1×1. */
export async function productForm(
  layer: Layer,
  dims: readonly number[],
  w: F64Matrix,
  options: FormOptions,
  byEnergy: (s: Float64Array, e: number) => number,
): Promise<Factorized> {
  const { a, b } = await lowRank(matmul, w, ruleOf(w.rows, w.cols, options, byEnergy), options.covariance)
  const rank = a.cols
  const withBack = (back: F64Matrix): Form =>
    layer.kind === 'matrix'
      ? {
          kind: 'svd',
          rank: [rank],
          stages: [{ weight: float(a.data, [w.rows, rank]) }, { weight: float(back.data, [rank, w.cols]) }],
        }
      : {
          kind: 'channel',
          rank: [rank],
          stages: [frontConv(layer, dims, a), pointwise(back, dims.length - 2)],
        }
  return { form: withBack(b), equivalent: await matmul(a, b), front: a, back: b, withBack }
}

/** A kernel [rank, channels, …] from A [channels·taps, rank]. */
function frontConv({ node }: Layer, dims: readonly number[], a: F64Matrix): Stage {
  return { weight: float(transpose(a).data, [a.cols, ...dims.slice(1)]), ...geometry(node, dims.length - 2) }
}

/** A kernel [outputs, rank, 1, …] from B [rank, outputs]. */
const pointwise = (b: F64Matrix, spatialRank: number): Stage => ({
  weight: float(transpose(b).data, [b.cols, b.rows, ...new Array<number>(spatialRank).fill(1)]),
})

/** Kernel [outputs, inputs, taps…] in double precision from W [inputs·taps, outputs]. */
const kernelOf = (w: F64Matrix): Float64Array => transpose(w).data

export async function spatialForm(
  { node }: Layer,
  dims: readonly number[],
  w: F64Matrix,
  options: FormOptions,
): Promise<Factorized | undefined> {
  const [outputs, inputs, height, width] = dims as [number, number, number, number]
  if (dims.length !== 4 || height === 1 || width === 1) return undefined
  const perRank = inputs * height + outputs * width
  const rank = options.rank ?? Math.max(1, Math.floor(((options.share ?? 0.5) * w.data.length) / perRank))
  const factors = await spatial(matmul, kernelOf(w), [outputs, inputs, height, width], rank)
  const { strides: s, pads: p, dilations: d } = geometry(node, 2)
  const stages: Stage[] = [
    {
      weight: float(factors.vertical, [factors.rank, inputs, height, 1]),
      strides: [s[0]!, 1],
      pads: [p[0]!, 0, p[2]!, 0],
      dilations: [d[0]!, 1],
    },
    {
      weight: float(factors.horizontal, [outputs, factors.rank, 1, width]),
      strides: [1, s[1]!],
      pads: [0, p[1]!, 0, p[3]!],
      dilations: [1, d[1]!],
    },
  ]
  return {
    form: { kind: 'spatial', rank: [factors.rank], stages },
    equivalent: await spatialKernel(matmul, factors, [outputs, inputs, height, width]),
  }
}

export async function tuckerForm(
  { node }: Layer,
  dims: readonly number[],
  w: F64Matrix,
  options: FormOptions,
): Promise<Factorized | undefined> {
  const [outputs, inputs] = dims as [number, number]
  const taps = w.rows / inputs
  if (taps === 1) return undefined
  const share = tuckerShare(inputs, outputs, taps, options.share ?? 0.5)
  const ranks: [number, number] = options.rank
    ? [Math.min(options.rank, outputs), Math.min(options.rank, inputs)]
    : [Math.max(1, Math.floor(share * outputs)), Math.max(1, Math.floor(share * inputs))]
  const factors = await tucker2(
    matmul,
    kernelOf(w),
    [outputs, inputs, taps],
    ranks,
    options.covariance && channelCovariance(options.covariance, inputs, taps),
  )
  const spatialRank = dims.length - 2
  const first: Stage = {
    weight: float(transpose(factors.input).data, [
      factors.rankIn,
      inputs,
      ...new Array<number>(spatialRank).fill(1),
    ]),
  }
  const core: Stage = {
    weight: float(factors.core, [factors.rankOut, factors.rankIn, ...dims.slice(2)]),
    ...geometry(node, spatialRank),
  }
  const withBack = (back: F64Matrix): Form => ({
    kind: 'tucker',
    rank: [factors.rankIn, factors.rankOut],
    stages: [first, core, pointwise(back, spatialRank)],
  })
  const front = await tuckerFront(matmul, factors, taps)
  const back = tuckerBack(factors)
  return { form: withBack(back), equivalent: await matmul(front, back), front, back, withBack }
}

/** Covariance of channels from that of unfolded inputs: the mean over taps. */
function channelCovariance(c: F64Matrix, inputs: number, taps: number): F64Matrix {
  const data = new Float64Array(inputs * inputs)
  for (let i = 0; i < inputs; i++)
    for (let j = 0; j < inputs; j++)
      for (let t = 0; t < taps; t++)
        data[i * inputs + j]! += c.data[(i * taps + t) * c.rows + j * taps + t]! / taps
  return matrix(inputs, inputs, data)
}
