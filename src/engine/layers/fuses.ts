/** Neighbours a layer can be one with: what alone reads its output and folds into its rounding. */
import type { Graph, Node } from '../onnx'

/** One walk over the graph for many questions. */
interface Wiring {
  graph: Graph
  consumers: ReadonlyMap<string, readonly Node[]>
  producers: Map<string, Node>
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
