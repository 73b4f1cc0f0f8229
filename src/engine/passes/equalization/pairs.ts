/** Layers that follow each other closely enough for what one gives to be moved into the other. */
import { sizeOf, Tensor, type Graph, type Node } from '../../onnx'
import { layerOf } from '../../layers/find'
import { onlyReader } from '../../layers/fuses'
import { finiteWeights, Layer } from '../../layers/layer'

/** Two layers with nothing between them that a positive factor per channel does not pass through. */
export interface Pair {
  first: Layer
  second: Layer
  /** What stands between them. */
  between: readonly Node[]
  /** Axis of the second's weight along the channels between them. */
  inAxis: number
  /** No bias of the first layer is scaled above this. */
  reach: number
}

/** Operators through which a positive factor of a channel passes unchanged. */
const THROUGH = ['Relu', 'LeakyRelu', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool']

export function findPairs(graph: Graph): Pair[] {
  const consumers = graph.consumerMap()
  const pairs: Pair[] = []
  for (const node of graph.nodes) {
    const first = equalizable(graph, node)
    if (!first) continue
    let value = first.name
    let reader = onlyReader({ graph, consumers }, value)
    const between: Node[] = []
    while (reader?.is(...THROUGH) && reader.outputs.filter(Boolean).length === 1) {
      between.push(reader)
      value = reader.outputs[0]!
      reader = onlyReader({ graph, consumers }, value)
    }
    if (!reader || reader.inputs[0] !== value) continue
    const second = equalizable(graph, reader)
    const inAxis = second && inputAxis(second)
    if (inAxis === undefined || second!.tensor.dims[inAxis] !== first.channels) continue
    pairs.push({ first, second: second!, between, inAxis, reach: reachOf(first) })
  }
  return pairs
}

/**
 * How far the outputs of a layer reach for inputs of unit variance: the bias and three deviations. A channel that is all
 * but dead still has its bias, which scaled by itself would set the range of all others. Source: arXiv:1906.04721, 4.1.3.
 */
function reachOf({ tensor, axis, channels, bias }: Layer): number {
  const squares = new Float64Array(channels)
  const inner = sizeOf(tensor.dims.slice(axis + 1))
  tensor.floats().forEach((w, i) => (squares[Math.floor(i / inner) % channels]! += w * w))
  const shifts = bias?.tensor?.floats()
  return squares.reduce(
    (most, square, c) => Math.max(most, Math.abs(shifts?.[c] ?? 0) + 3 * Math.sqrt(square)),
    0,
  )
}

function equalizable(graph: Graph, node: Node): Layer | undefined {
  const layer = node.is('Conv', 'Gemm') ? layerOf(graph, node, new Map()) : undefined
  if (!(layer instanceof Layer) || layer.tensor.dtype !== 'float32') return undefined
  if (layer.turnsInput || layer.isScaled) return undefined
  return !layer.bias || layer.bias.tensor?.size === layer.channels ? layer : undefined
}

/** Axis of the weight along its inputs: a depthwise kernel's channels are its first; other groups have none. */
function inputAxis({ groups, geometry, tensor }: Layer): number | undefined {
  if (groups === 1) return geometry.inAxis
  return tensor.dims[1] === 1 && tensor.dims[0] === groups ? 0 : undefined
}

/** Tied weights and shared biases get a copy of their own: only this pair is to change. */
export function ownWeights(graph: Graph, { node, slot, type }: Layer): void {
  for (const index of [slot, type.bias!]) {
    const name = node.inputs[index]
    if (name && graph.consumers(name).length > 1)
      node.inputs[index] = graph.addInitializer(name, graph.initializers.get(name)!)
  }
}

/** What an input of a layer is by now, and the way to change it. */
export function constantAt(graph: Graph, { node }: Layer, slot: number, by: string) {
  const name = node.inputs[slot]!
  const { dims } = graph.initializers.get(name)!
  return {
    dims,
    values: finiteWeights(name, graph.initializers.get(name)!, by),
    set: (values: Float32Array): void => void graph.initializers.set(name, Tensor.float32(dims, values)),
  }
}
