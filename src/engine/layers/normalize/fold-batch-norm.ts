/**
 * BatchNormalization folded into the layer before it: Conv, ConvTranspose (grouped too), Gemm, MatMul and
 * MatMul + Add. Sources: ONNX BatchNormalization; arXiv:1712.05877, section 3.2.
 */
import { kindOf } from '../kinds'
import { setConstant } from '../rewrite'
import { isFloat, sizeOf, Tensor, type Graph, type Node } from '../../onnx'

/** y = x · factor + shift, per channel. */
interface Affine {
  factor: Float64Array
  shift: Float64Array
}

/** Rank of a value at run time; undefined where unknown. */
type RankOf = (value: string) => number | undefined

/**
 * Edits the graph; gives the values whose normalization is gone. Left alone: norms in training mode, layers
 * whose value others read too, and matrices of unknown rank, whose last axis need not be the channel.
 */
export function foldBatchNorm(graph: Graph, rankOf: RankOf = () => undefined): string[] {
  return eachNorm(graph, (norm, affine) => foldInto(graph, norm, affine, rankOf))
}

/**
 * The same, but the weights of Conv and Gemm stay as they are: the factors, one an output channel, become the attribute
 * `factors` of the layer, whose product they are for before its bias is added. `isFor` says which weights are left so.
 */
export function factorBatchNorm(
  graph: Graph,
  factors: string,
  isFor: (weight: Tensor, layer: Node) => boolean,
): string[] {
  return eachNorm(graph, (norm, affine) => {
    const layer = onlyProducer(graph, norm.inputs[0]!)
    const weight =
      layer?.is('Conv', 'Gemm') && isUnscaled(layer) ? graph.constant(layer.inputs[1]!) : undefined
    if (!layer || !weight || !isFor(weight, layer) || !foldLayer(graph, norm, layer, affine, 'bias'))
      return false
    layer.set(factors, { floats: [...affine.factor] })
    return true
  })
}

function eachNorm(graph: Graph, fold: (norm: Node, affine: Affine) => boolean): string[] {
  const folded: string[] = []
  for (const norm of [...graph.nodes]) {
    if (!norm.is('BatchNormalization') || !isInference(norm)) continue
    const affine = affineOf(graph, norm)
    if (affine && fold(norm, affine)) folded.push(norm.outputs[0]!)
  }
  if (folded.length > 0) graph.prune()
  return folded
}

function isInference(norm: Node): boolean {
  const extra = norm.outputs.slice(1).some((output) => output !== '')
  return norm.int('training_mode', 0) === 0 && norm.int('spatial', 1) === 1 && !extra
}

function affineOf(graph: Graph, norm: Node): Affine | undefined {
  const [gamma, beta, mean, variance] = norm.inputs.slice(1, 5).map((name) => graph.constant(name)?.floats())
  if (!gamma || !beta || !mean || !variance) return undefined
  const epsilon = norm.float('epsilon', 1e-5)
  const factor = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon))
  return { factor, shift: factor.map((f, c) => beta[c]! - mean[c]! * f) }
}

function foldInto(graph: Graph, norm: Node, affine: Affine, rankOf: RankOf): boolean {
  const before = onlyProducer(graph, norm.inputs[0]!)
  if (!before) return false
  if (before.is('Conv', 'ConvTranspose', 'Gemm'))
    return isUnscaled(before) && foldLayer(graph, norm, before, affine)
  if (rankOf(norm.inputs[0]!) !== 2) return false
  return before.is('MatMul') ? foldMatMul(graph, norm, before, affine) : foldSum(graph, norm, before, affine)
}

const isUnscaled = (layer: Node): boolean => {
  const factors = kindOf(layer)!.factors?.(layer)
  return !factors || (factors.product === 1 && factors.bias === 1)
}

/** The node that makes `value`, when nobody but one node reads it. */
function onlyProducer(graph: Graph, value: string): Node | undefined {
  if (graph.isOutput(value)) return undefined
  const readers = graph.consumers(value)
  return readers.length === 1 ? graph.producer(value) : undefined
}

function foldLayer(graph: Graph, norm: Node, layer: Node, affine: Affine, only?: 'bias'): boolean {
  const weight = graph.constant(layer.inputs[1]!)
  const bias = layer.inputs[2] ? graph.constant(layer.inputs[2]) : null
  const channels = affine.factor.length
  if (!weight || !isFloat(weight.dtype) || bias === undefined) return false
  const channelOf = channelIndex(layer, weight.dims, channels)
  if (!channelOf || (bias && sizeOf(bias.dims) !== channels && bias.size !== 1)) return false
  const old = bias?.floats()
  const moved = affine.shift.map(
    (shift, c) => (old ? old[old.length === 1 ? 0 : c]! : 0) * affine.factor[c]! + shift,
  )
  if (!only)
    setConstant(graph, layer, 1, Tensor.of(weight.dtype, weight.dims, scaled(weight, affine, channelOf)))
  setConstant(graph, layer, 2, Tensor.of(weight.dtype, [channels], moved), `${layer.outputs[0]}_bias`)
  takeOver(graph, norm, layer)
  return true
}

/** MatMul → norm becomes MatMul → Add. */
function foldMatMul(graph: Graph, norm: Node, product: Node, affine: Affine): boolean {
  const weight = graph.constant(product.inputs[1]!)
  if (!weight || !isFloat(weight.dtype) || !isColumns(weight, affine)) return false
  const { factor, shift } = affine
  setConstant(
    graph,
    product,
    1,
    Tensor.of(
      weight.dtype,
      weight.dims,
      scaled(weight, affine, (i) => i % factor.length),
    ),
  )
  const bias = graph.addInitializer(`${norm.outputs[0]}_bias`, Tensor.of(weight.dtype, [shift.length], shift))
  graph.addNode({ opType: 'Add', inputs: [product.outputs[0]!, bias], outputs: norm.outputs }, norm)
  graph.removeNode(norm)
  return true
}

/** MatMul → Add → norm becomes MatMul → Add. */
function foldSum(graph: Graph, norm: Node, sum: Node, affine: Affine): boolean {
  if (!sum.is('Add')) return false
  const slot = sum.inputs.findIndex((input) => graph.constant(input) !== undefined)
  const product = slot < 0 ? undefined : onlyProducer(graph, sum.inputs[1 - slot]!)
  const weight = product?.is('MatMul') ? graph.constant(product.inputs[1]!) : undefined
  const bias = slot < 0 ? undefined : graph.constant(sum.inputs[slot]!)
  const channels = affine.factor.length
  if (!weight || !bias || !isFloat(weight.dtype) || !isColumns(weight, affine)) return false
  if (bias.dims[bias.dims.length - 1] !== channels || bias.size !== channels) return false
  const old = bias.floats()
  const moved = affine.shift.map((shift, c) => old[c]! * affine.factor[c]! + shift)
  setConstant(
    graph,
    product!,
    1,
    Tensor.of(
      weight.dtype,
      weight.dims,
      scaled(weight, affine, (i) => i % channels),
    ),
  )
  setConstant(graph, sum, slot, Tensor.of(bias.dtype, bias.dims, moved))
  takeOver(graph, norm, sum)
  return true
}

const isColumns = (weight: Tensor, { factor }: Affine): boolean =>
  weight.dims.length === 2 && weight.dims[1] === factor.length

function scaled(weight: Tensor, { factor }: Affine, channelOf: (i: number) => number): Float64Array {
  const source = weight.floats()
  const out = new Float64Array(source.length)
  for (let i = 0; i < out.length; i++) out[i] = source[i]! * factor[channelOf(i)]!
  return out
}

function takeOver(graph: Graph, norm: Node, layer: Node): void {
  graph.valueInfo.delete(layer.outputs[0]!)
  layer.outputs = [norm.outputs[0]!]
  graph.removeNode(norm)
}

/** Which output channel element `i` of the weight belongs to; undefined where they are not `channels` in number. */
function channelIndex(
  layer: Node,
  dims: readonly number[],
  channels: number,
): ((i: number) => number) | undefined {
  const geometry = kindOf(layer)!.geometry(layer, dims, 1)
  if (typeof geometry === 'string') return undefined
  const { outAxis, groups, rows } = geometry
  const length = dims[outAxis]!
  const inner = sizeOf(dims.slice(outAxis + 1))
  const channelOf = (i: number): number => Math.floor(i / inner) % length
  if (!layer.is('ConvTranspose')) return rows === channels ? channelOf : undefined
  // The group of an input channel tells which output channels it feeds.
  const perGroup = sizeOf(dims) / groups
  return length * groups === channels ? (i) => Math.floor(i / perGroup) * length + channelOf(i) : undefined
}
