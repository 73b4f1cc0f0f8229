/** Nodes that integers make faster on ONNX Runtime's CPU, and why the others stay float. */
import { layerOf } from '../../layers/find'
import { Layer } from '../../layers/layer'
import { isExcluded, LEFT_ALONE } from '../../layers/left-out'
import type { Graph, Node } from '../../onnx'
import { isQuantized } from '../../layers/encodings'
import type { QuantizableOp } from './plan'

export interface QuantizableOptions {
  /** Layers left in float: see `isExcluded`. */
  exclude?: readonly string[]
  /** Products of two activations, as in attention. */
  attention: boolean
  /** Weights with fewer values than this stay float. */
  smallest?: number
}

interface FoundOps {
  ops: QuantizableOp[]
  skipped: { layer: string; reason: string }[]
}

/** `floats` says which values are float32 tensors where the model does not tell by itself. */
export function findQuantizable(graph: Graph, options: QuantizableOptions): FoundOps {
  const producers = graph.producers()
  const ops: QuantizableOp[] = []
  const skipped: FoundOps['skipped'] = []
  for (const node of graph.nodes) {
    const layer = node.outputs[0]!
    if (!node.is('Conv', 'Gemm', 'MatMul')) continue
    if (isExcluded(options.exclude, { node })) {
      skipped.push({ layer, reason: LEFT_ALONE })
      continue
    }
    if (node.inputs.some((name) => name && isQuantizedProducer(producers.get(name)))) {
      skipped.push({ layer, reason: 'already quantized in the model as it came' })
      continue
    }
    const found = quantizableOp(graph, node, producers, options)
    if (typeof found === 'string') skipped.push({ layer, reason: found })
    else ops.push(found)
  }
  return { ops, skipped }
}

const isQuantizedProducer = (node: Node | undefined): boolean => node !== undefined && isQuantized(node)

function quantizableOp(
  graph: Graph,
  node: Node,
  producers: Map<string, Node>,
  options: QuantizableOptions,
): QuantizableOp | string {
  const [first, second] = node.inputs as [string, string]
  const base = { node, layer: node.outputs[0]!, output: node.outputs[0]! }
  const weight = layerOf(graph, node, producers, { throughViews: true })
  if (!(weight instanceof Layer)) {
    if (!node.is('MatMul') || graph.constant(second, producers)) return weight!
    if (graph.constant(first, producers)) return `${weight}: integers gain nothing here`
    if (!options.attention) return `${weight}: float is as fast here and more exact`
    return { ...base, inputs: [first, second] }
  }
  const { tensor, bias, factors } = weight
  if (tensor.dtype !== 'float32') return `its weight is ${tensor.dtype}`
  if (graph.constant(first, producers)) return 'both factors are constant'
  if (options.smallest && tensor.size < options.smallest) return `only ${tensor.size} weights: not worth it`
  if (weight.inputIssue) return weight.inputIssue
  if (factors.product !== 1 || (bias && factors.bias !== 1))
    return 'Gemm with a factor on what the model computes'
  if (bias && !bias.tensor) return 'its bias is computed by the model'
  if (bias && bias.tensor?.size !== weight.channels) return 'its bias is not one value a channel'
  return { ...base, inputs: [first], weight }
}
