/** Edits that change how a graph is written and nothing of what it computes. */
import type { Graph, Model, Node } from '../../onnx'

/** Identity, and Dropout outside training, removed from the main graph. Gives how many. */
export function removeForwarders(graph: Graph): number {
  let removed = 0
  for (const node of [...graph.nodes]) {
    if (!isForwarder(graph, node)) continue
    const [from, to] = [node.inputs[0]!, node.outputs[0]!]
    if (!graph.isOutput(to)) graph.replaceUses(to, from)
    else if (canRename(graph, from)) renameProduced(graph, from, to, node)
    else continue
    graph.removeNode(node)
    graph.valueInfo.delete(from === to ? '' : to)
    removed++
  }
  return removed
}

function isForwarder(graph: Graph, node: Node): boolean {
  if (node.is('Identity')) return true
  if (!node.is('Dropout')) return false
  const mask = node.outputs[1]
  if (mask && (graph.isOutput(mask) || graph.consumers(mask).length > 0)) return false
  return !node.inputs[2] || graph.constant(node.inputs[2])?.numbers()[0] === 0
}

/** A graph output keeps its name, so what it forwards must be free to take that name. */
const canRename = (graph: Graph, from: string): boolean =>
  graph.producer(from) !== undefined && !graph.isOutput(from)

function renameProduced(graph: Graph, from: string, to: string, forwarder: Node): void {
  const producer = graph.producer(from)!
  producer.outputs = producer.outputs.map((output) => (output === from ? to : output))
  graph.replaceUses(from, to, (reader) => reader !== forwarder)
  graph.valueInfo.delete(from)
}

/** Elements from which equal float matrices are taken for tied weights; below, equality is often chance. */
const TIED_FROM = 1024

/**
 * Constants of equal content become one: tied weights stored twice, and the small integers exporters repeat.
 * Small float tensors stay apart, as layers that merely start equal are trained apart. Gives the bytes saved.
 */
export function mergeConstants(graph: Graph): number {
  const first = new Map<string, string>()
  const inputs = new Set(graph.inputs.map((input) => input.name))
  let saved = 0
  for (const [name, tensor] of [...graph.initializers]) {
    if (inputs.has(name) || graph.isOutput(name) || tensor.source.strings) continue
    const isTied = tensor.dims.length >= 2 && tensor.size >= TIED_FROM
    const isSmallInteger = ['int64', 'int32', 'bool'].includes(tensor.dtype) && tensor.size <= 64
    if (!isTied && !isSmallInteger) continue
    const key = tensor.contentKey()
    const same = first.get(key)
    if (same === undefined) first.set(key, name)
    else {
      graph.replaceUses(name, same)
      graph.initializers.delete(name)
      saved += tensor.byteLength
    }
  }
  return saved
}

/** Domains that no node, function or nested graph uses are no longer imported. */
export function dropUnusedOpsets(model: Model): void {
  const used = new Set(['', ...model.functions.map(({ domain }) => domain)])
  for (const graph of model.graphs()) for (const node of graph.nodes) used.add(node.domain)
  if (model.functions.length > 0) return
  for (const domain of [...model.opsets.keys()]) if (!used.has(domain)) model.opsets.delete(domain)
}
