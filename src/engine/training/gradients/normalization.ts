/**
 * Normalizations. Source: ONNX LayerNormalization, RMSNormalization, BatchNormalization (statistics frozen),
 * InstanceNormalization, GroupNormalization, LRN; ONNX Runtime SimplifiedLayerNormalization.
 */
import { sizeOf, type Node } from '../../onnx'
import { single, unsupported, type MaybeGradient, type Rule, type Rules } from './rule'
import { frontAxis, range, type Tape } from './tape'

/** dx of x̂ = (x − mean) / deviation over `axes`, from dx̂. */
function standardized(
  t: Tape,
  dxhat: string,
  xhat: string,
  inverse: string,
  axes: number[],
  centred: boolean,
): string {
  const along = t.mul(xhat, t.reduceMean(t.mul(dxhat, xhat), axes))
  const rest = t.sub(dxhat, along)
  return t.mul(inverse, centred ? t.sub(rest, t.reduceMean(dxhat, axes)) : rest)
}

/** 1 / sqrt(mean square + ε) over `axes`. */
function inverseRoot(t: Tape, value: string, axes: number[], epsilon: number): string {
  const variance = t.reduceMean(t.mul(value, value), axes)
  return t.op('Reciprocal', [t.op('Sqrt', [t.add(variance, t.scalar(epsilon))])])
}

const layerNorm = (centred: boolean): Rule =>
  single((t, node, dy) => {
    const [x, scale, bias] = node.inputs as [string, string, string | undefined]
    const dims = t.shape(x)
    const axis = frontAxis(node.int('axis', -1), dims.length)
    const axes = range(dims.length).slice(axis)
    let shifted = x
    let inverse: string
    if (centred && node.is('LayerNormalization')) {
      shifted = t.sub(x, t.extraOutput(node, 1))
      inverse = t.extraOutput(node, 2)
    } else inverse = inverseRoot(t, x, axes, node.float('epsilon', 1e-5))
    const xhat = t.mul(shifted, inverse)
    const reduce = (value: string, to: string): string => t.unbroadcast(value, dims, t.shape(to))
    return [
      t.wants(x) ? standardized(t, t.mul(dy, scale), xhat, inverse, axes, centred) : undefined,
      t.wants(scale) ? reduce(t.mul(dy, xhat), scale) : undefined,
      t.wants(bias) ? reduce(dy, bias) : undefined,
    ]
  })

/** [C] against [N, C, …]. */
const perChannel = (t: Tape, value: string, rank: number): string =>
  t.reshape(value, [-1, ...new Array<number>(rank - 2).fill(1)])

const allButChannel = (rank: number): number[] => range(rank).filter((i) => i !== 1)

const batchNorm: Rule = single((t, node, dy) => {
  if (node.int('training_mode', 0) !== 0)
    throw unsupported(node, 'in training mode; export the model for inference')
  const [x, scale, bias, mean, variance] = node.inputs as [string, string, string, string, string]
  const rank = t.shape(x).length
  const inverse = t.op('Reciprocal', [t.op('Sqrt', [t.add(variance, t.scalar(node.float('epsilon', 1e-5)))])])
  const slope = (): string => t.mul(dy, perChannel(t, t.mul(scale, inverse), rank))
  const sum = (value: string): string => t.reduceSum(value, allButChannel(rank), false)
  const dscale = (): string => {
    // Σ dy·(x − mean)/σ = (Σ dy·x − mean·Σ dy)/σ: two sums instead of a third full-size tensor.
    const shifted = t.sub(sum(t.mul(dy, x)), t.mul(mean, sum(dy)))
    return t.mul(shifted, inverse)
  }
  return [
    t.wants(x) ? slope() : undefined,
    t.wants(scale) ? dscale() : undefined,
    t.wants(bias) ? sum(dy) : undefined,
  ]
})

/** Statistics over each group of channels of each sample; scale and bias per channel, or per group before opset 21. */
function grouped(t: Tape, node: Node, dy: string, groups: number): MaybeGradient[] {
  const [x, scale, bias] = node.inputs as [string, string, string]
  const dims = t.shape(x)
  const [batch, channels] = dims as [number, number]
  const flat = [batch, groups, sizeOf(dims) / batch / groups]
  const spatial = dims.slice(2)
  const byGroup = t.shape(scale)[0] !== channels
  const affine = [byGroup ? groups : channels, ...spatial.map(() => 1)]
  const shape = byGroup ? [batch, groups, channels / groups, ...spatial] : dims
  const spread = byGroup ? [groups, 1, ...spatial.map(() => 1)] : affine
  const xg = t.reshape(x, flat)
  const shifted = t.sub(xg, t.reduceMean(xg, [2]))
  const inverse = inverseRoot(t, shifted, [2], node.float('epsilon', 1e-5))
  const xhat = t.mul(shifted, inverse)
  const dyShaped = t.reshape(dy, shape)
  const dxhat = t.reshape(t.mul(dyShaped, t.reshape(scale, spread)), flat)
  const others = range(shape.length).filter((i) => i !== 1)
  return [
    t.wants(x) ? t.reshape(standardized(t, dxhat, xhat, inverse, [2], true), dims) : undefined,
    t.wants(scale) ? t.reduceSum(t.mul(dyShaped, t.reshape(xhat, shape)), others, false) : undefined,
    t.wants(bias) ? t.reduceSum(dyShaped, others, false) : undefined,
  ]
}

/** y = x · s^−β with s = bias + α/size · Σ x² over the channels of a window. */
const acrossChannels: Rule = single((t, node, dy) => {
  const x = node.inputs[0]!
  const dims = t.shape(x)
  const size = node.int('size', 1)
  const [alpha, beta] = [node.float('alpha', 1e-4), node.float('beta', 0.75)]
  const channels = range(dims[1]!)
  const [below, above] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)]
  // [i, c]: whether channel i is in the window of c.
  const windows = (turned: boolean): string => {
    const inside = (i: number, c: number): number => Number(i >= c - below && i <= c + above)
    const flags = channels.flatMap((i) => channels.map((c) => (turned ? inside(c, i) : inside(i, c))))
    return t.floats([channels.length, channels.length], flags)
  }
  const squares = t.contract(t.mul(x, x), dims, 1, windows(false))
  const sums = t.add(t.scale(squares, alpha / size), t.scalar(node.float('bias', 1)))
  const power = t.op('Pow', [sums, t.scalar(-beta)])
  const others = t.contract(t.mul(t.mul(dy, x), t.div(power, sums)), dims, 1, windows(true))
  return [t.sub(t.mul(dy, power), t.mul(x, t.scale(others, (2 * alpha * beta) / size)))]
})

export const normalization: Rules = {
  LRN: acrossChannels,
  LayerNormalization: layerNorm(true),
  RMSNormalization: layerNorm(false),
  SimplifiedLayerNormalization: layerNorm(false),
  BatchNormalization: batchNorm,
  InstanceNormalization: single((t, node, dy) => grouped(t, node, dy, t.shape(node.inputs[0]!)[1]!)),
  GroupNormalization: single((t, node, dy) => grouped(t, node, dy, node.int('num_groups', 1))),
}
