import { plural } from '../../contract/format'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { equalizing, magnitudes, scaledAlong } from '../math/quantize/equalize'
import { sizeOf, Tensor, type Graph, type Model, type Node } from '../onnx'
import { definePass } from './pass'
import { normalize } from '../layers/normalize'
import { layerOf } from '../layers/find'
import { onlyReader } from '../layers/fuses'
import { finiteWeights, Layer } from '../layers/layer'

const ID = 'equalize'

const params = z.object({
  rounds: z.int().min(1).max(100).default(20).meta({
    label: 'Rounds',
    help: 'Times all pairs of layers are evened out; chains need a few.',
    advanced: true,
  }),
})

/** Two layers with nothing between them that a positive factor per channel does not pass through. */
interface Pair {
  first: Layer
  second: Layer
  /** Axis of the second's weight along the channels between them. */
  inAxis: number
  /** No bias of the first layer is scaled above this. */
  reach: number
}

/** Operators through which a positive factor of a channel passes unchanged. */
const THROUGH = ['Relu', 'LeakyRelu', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool']

export const equalize = definePass({
  id: ID,
  title: 'Even out channel ranges',
  term: 'cross-layer equalization',
  family: 'quantization',
  role: 'prepares',
  summary:
    'Moves range between neighbouring layers so that all channels of a weight are of similar size: run it before quantizing. The model computes the same.',
  sources: ['arXiv:1906.04721'],
  params,
  async run(model: Model, { rounds }, context) {
    const { model: clone, notes } = normalize(model)
    const { graph } = clone
    const pairs = findPairs(graph)
    if (pairs.length === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason:
          'no two Conv or Gemm of the main graph follow each other with nothing but Relu or pooling between',
      })
    for (const { first, second } of pairs) for (const layer of [first, second]) ownWeights(graph, layer)
    for (let round = 0; round < rounds; round++) {
      context.progress(round / rounds, 'evening out layers')
      let largest = 1
      for (const pair of pairs) largest = Math.max(largest, even(graph, pair))
      if (largest < 1.001) break
    }
    return {
      model: clone,
      summary: `${[`${plural(pairs.length, 'pair of layers has', 'pairs of layers have')} channels of even range now`, ...notes].join('; ')}.`,
    }
  },
})

function findPairs(graph: Graph): Pair[] {
  const consumers = graph.consumerMap()
  const pairs: Pair[] = []
  for (const node of graph.nodes) {
    const first = equalizable(graph, node)
    if (!first) continue
    let value = first.name
    let reader = onlyReader({ graph, consumers }, value)
    while (reader?.is(...THROUGH) && reader.outputs.filter(Boolean).length === 1) {
      value = reader.outputs[0]!
      reader = onlyReader({ graph, consumers }, value)
    }
    if (!reader || reader.inputs[0] !== value) continue
    const second = equalizable(graph, reader)
    const inAxis = second && inputAxis(second)
    if (inAxis === undefined || second!.tensor.dims[inAxis] !== first.channels) continue
    pairs.push({ first, second: second!, inAxis, reach: reachOf(first) })
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
function ownWeights(graph: Graph, { node, slot, type }: Layer): void {
  for (const index of [slot, type.bias!]) {
    const name = node.inputs[index]
    if (name && graph.consumers(name).length > 1)
      node.inputs[index] = graph.addInitializer(name, graph.initializers.get(name)!)
  }
}

/** What an input of a layer is by now, and the way to change it. */
function constantAt(graph: Graph, { node }: Layer, slot: number) {
  const name = node.inputs[slot]!
  const { dims } = graph.initializers.get(name)!
  return {
    dims,
    values: finiteWeights(name, graph.initializers.get(name)!, ID),
    set: (values: Float32Array): void => void graph.initializers.set(name, Tensor.float32(dims, values)),
  }
}

/** Gives the largest factor used. */
function even(graph: Graph, { first, second, inAxis, reach }: Pair): number {
  const [a, b] = [constantAt(graph, first, first.slot), constantAt(graph, second, second.slot)]
  const factors = equalizing(magnitudes(a.values, a.dims, first.axis), magnitudes(b.values, b.dims, inAxis))
  const bias = first.bias && constantAt(graph, first, first.type.bias!)
  bias?.values.forEach(
    (shift, c) => (factors[c] = Math.max(factors[c]!, Math.min(1, Math.abs(shift) / reach))),
  )
  const inverse = factors.map((s) => 1 / s)
  a.set(scaledAlong(a.values, a.dims, first.axis, inverse))
  b.set(scaledAlong(b.values, b.dims, inAxis, factors))
  bias?.set(bias.values.map((v, c) => v * inverse[c]!))
  return factors.reduce((most, s) => Math.max(most, s, 1 / s), 1)
}
