/**
 * Neighbours a layer can be one with: zeros around its input, and what alone reads its output and folds into it. A
 * residual sum is none: ONNX Runtime puts it into a convolution in the blocked layout of x86 alone, when a model is
 * loaded. Source: onnxruntime.ai/docs, Graph optimizations.
 */
import type { Graph, Node } from '../onnx'
import { paddingOf, type Padding } from './padding'

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

/** The Pad that writes zeros for this convolution alone, and how many along each spatial axis. */
export function zerosBefore(
  { graph, consumers, producers }: Wiring,
  conv: Node,
  opset: number,
): { pad: Node; padding: Padding } | undefined {
  const pad = producers.get(conv.inputs[0]!)
  const rank = graph.constant(conv.inputs[1]!, producers)?.dims.length
  if (!pad?.is('Pad') || !rank || onlyReader({ graph, consumers }, pad.outputs[0]!) !== conv) return undefined
  if (pad.string('mode', 'constant') !== 'constant') return undefined
  const filler = pad.inputs[2]
    ? graph.constant(pad.inputs[2], producers)?.numbers()[0]
    : pad.float('value', 0)
  const read = (value = ''): number[] | undefined => graph.constant(value, producers)?.numbers()
  const padding = filler === 0 ? paddingOf(pad, rank, opset, read) : undefined
  if (!padding) return undefined
  const { before, after } = padding
  const isSpatial = [...before, ...after].every((count, i) => count >= 0 && (i % rank > 1 || count === 0))
  return isSpatial ? { pad, padding: { before: before.slice(2), after: after.slice(2) } } : undefined
}
