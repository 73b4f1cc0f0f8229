/** Neighbours a layer can be one with: what alone reads its output and folds into its bias, weight or rounding. */
import type { Graph, Node } from '../onnx'
import type { Layer } from './layer'

/** One walk over the graph for many questions. */
export interface Wiring {
  graph: Graph
  consumers: ReadonlyMap<string, readonly Node[]>
  producers: Map<string, Node>
}

export const wiringOf = (graph: Graph): Wiring => ({
  graph,
  consumers: graph.consumerMap(),
  producers: graph.producers(),
})

export interface Fusible {
  /** An Add of a constant, one value a channel or one for all. */
  bias?: Node
  norm?: Node
  /** A Relu, or a Clip from zero upwards. */
  activation?: Node
}

/** The node that alone reads a value, which is no output of the model. */
export function onlyReader({ graph, consumers }: Omit<Wiring, 'producers'>, value: string): Node | undefined {
  const readers = consumers.get(value) ?? []
  return readers.length === 1 && !graph.isOutput(value) ? readers[0] : undefined
}

/** The Relu, or Clip from zero upwards, that alone reads a value: rounding to codes from zero does its work. */
export function activationAfter(wiring: Wiring, value: string): Node | undefined {
  const reader = onlyReader(wiring, value)
  if (reader?.is('Relu')) return reader
  if (!reader?.is('Clip')) return undefined
  const bound = reader.inputs[1]
    ? wiring.graph.constant(reader.inputs[1], wiring.producers)?.numbers()[0]
    : reader.float('min')
  return bound === 0 ? reader : undefined
}

/** The Add of a constant that alone reads a value. */
function biasAfter(wiring: Wiring, value: string, channels: number): Node | undefined {
  const reader = onlyReader(wiring, value)
  if (!reader?.is('Add')) return undefined
  const other = reader.inputs.find((input) => input !== value) ?? ''
  const size = wiring.graph.constant(other, wiring.producers)?.size
  return size === channels || size === 1 ? reader : undefined
}

/** In the order in which they follow each other; any of them may be missing. */
export function fusesWith(wiring: Wiring, layer: Layer): Fusible {
  const found: Fusible = {}
  let value = layer.name
  const bias = biasAfter(wiring, value, layer.channels)
  if (bias) value = (found.bias = bias).outputs[0]!
  const norm = onlyReader(wiring, value)
  if (norm?.is('BatchNormalization')) value = (found.norm = norm).outputs[0]!
  const activation = activationAfter(wiring, value)
  if (activation) found.activation = activation
  return found
}
