import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { equalizing, magnitudes, scaledAlong } from '../math/quantize/equalize'
import { Tensor, type Graph, type Model, type Node } from '../onnx'
import { definePass } from './pass'
import { normalize } from '../layers/normalize'
import { counted } from './quantization/words'
import { finiteWeights } from '../layers/layer'

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
  first: Node
  second: Node
  channels: number
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
        reason: 'no two layers follow each other with nothing but Relu or pooling between',
      })
    for (const { first, second } of pairs) for (const node of [first, second]) ownWeights(graph, node)
    for (let round = 0; round < rounds; round++) {
      context.progress(round / rounds, 'evening out layers')
      let largest = 1
      for (const pair of pairs) largest = Math.max(largest, even(graph, pair))
      if (largest < 1.001) break
    }
    return {
      model: clone,
      summary: `${[`${counted(pairs.length, 'pair of layers has', 'pairs of layers have')} channels of even range now`, ...notes].join('; ')}.`,
    }
  },
})

const channelsOut = (node: Node, dims: readonly number[]): number =>
  node.is('Gemm') && !node.int('transB', 0) ? dims[1]! : dims[0]!

function findPairs(graph: Graph): Pair[] {
  const consumers = graph.consumerMap()
  const pairs: Pair[] = []
  for (const first of graph.nodes) {
    const weight = floatWeight(graph, first)
    if (!weight) continue
    let value = first.outputs[0]!
    let reader = onlyReader(graph, value, consumers)
    while (reader?.is(...THROUGH) && reader.outputs.filter(Boolean).length === 1) {
      value = reader.outputs[0]!
      reader = onlyReader(graph, value, consumers)
    }
    if (!reader || reader.inputs[0] !== value) continue
    const next = floatWeight(graph, reader)
    const channels = channelsOut(first, weight.dims)
    if (!next || inputChannels(reader, next.dims) !== channels) continue
    pairs.push({ first, second: reader, channels })
  }
  return pairs
}

function onlyReader(graph: Graph, value: string, consumers: Map<string, Node[]>): Node | undefined {
  const readers = consumers.get(value) ?? []
  return readers.length === 1 && !graph.isOutput(value) ? readers[0] : undefined
}

function floatWeight(graph: Graph, node: Node): Tensor | undefined {
  if (!node.is('Conv', 'Gemm')) return undefined
  if (
    node.is('Gemm') &&
    (node.int('transA', 0) || node.float('alpha', 1) !== 1 || node.float('beta', 1) !== 1)
  )
    return undefined
  const tensor = graph.initializers.get(node.inputs[1]!)
  const bias = node.inputs[2] ? graph.initializers.get(node.inputs[2]) : null
  return tensor?.dtype === 'float32' &&
    bias !== undefined &&
    (bias === null || bias.size === channelsOut(node, tensor.dims))
    ? tensor
    : undefined
}

function inputChannels(node: Node, dims: readonly number[]): number | undefined {
  if (node.is('Gemm')) return node.int('transB', 0) ? dims[1]! : dims[0]!
  const group = node.int('group', 1)
  if (group === 1) return dims[1]!
  return dims[1] === 1 && dims[0] === group ? group : undefined
}

/** Axis of the weight along its inputs; a depthwise kernel's channels are its first. */
const inputAxis = (node: Node): number =>
  node.is('Gemm') ? (node.int('transB', 0) ? 1 : 0) : node.int('group', 1) === 1 ? 1 : 0
const outputAxis = (node: Node): number => (node.is('Gemm') && !node.int('transB', 0) ? 1 : 0)

/** Tied weights and shared biases get a copy of their own: only this pair is to change. */
function ownWeights(graph: Graph, node: Node): void {
  for (const index of [1, 2]) {
    const name = node.inputs[index]
    if (name && graph.consumers(name).length > 1)
      node.inputs[index] = graph.addInitializer(name, graph.initializers.get(name)!)
  }
}

/** Gives the largest factor used. */
function even(graph: Graph, { first, second }: Pair): number {
  const [a, b] = [first, second].map((node) => graph.initializers.get(node.inputs[1]!)!) as [Tensor, Tensor]
  const before = finiteWeights(first.inputs[1]!, a, ID)
  const after = finiteWeights(second.inputs[1]!, b, ID)
  const factors = equalizing(
    magnitudes(before, a.dims, outputAxis(first)),
    magnitudes(after, b.dims, inputAxis(second)),
  )
  const inverse = factors.map((s) => 1 / s)
  graph.initializers.set(
    first.inputs[1]!,
    Tensor.float32(a.dims, scaledAlong(before, a.dims, outputAxis(first), inverse)),
  )
  graph.initializers.set(
    second.inputs[1]!,
    Tensor.float32(b.dims, scaledAlong(after, b.dims, inputAxis(second), factors)),
  )
  const bias = first.inputs[2]
  if (bias) {
    const tensor = graph.initializers.get(bias)!
    graph.initializers.set(
      bias,
      Tensor.float32(
        tensor.dims,
        tensor.floats().map((v, c) => v * inverse[c]!),
      ),
    )
  }
  return factors.reduce((most, s) => Math.max(most, s, 1 / s), 1)
}
