/**
 * Embeddings that are stored as codes: rows of codes and rows of scales are looked up by the same ids and become
 * floats on the way. They are one weight, however many tables they lie in.
 */
import type { Graph, Node, Tensor } from '../../onnx'
import type { TracedValue } from '../../runtime/trace'

export interface CodedLookup {
  /** Elements of the table as the layer sees it. */
  parameters: number
  /** Names of the constants with codes, scales and zero points. */
  roots: string[]
}

const CODES = new Set(['int8', 'uint8'])
/** What codes go through on their way to the value they stand for. */
const STEPS = ['Cast', 'Reshape', 'Slice', 'Mul', 'Add', 'Sub', 'Gather', 'Unsqueeze']
/** What comes after the scale. */
const AFTER = ['Reshape', 'Slice', 'Cast']

/** By the node that looks up rows: the one with the first codes tells of the weight, the others of none. */
export function codedLookups(
  graph: Graph,
  traced: ReadonlyMap<string, TracedValue>,
): Map<Node, CodedLookup | undefined> {
  const producers = graph.producers()
  const consumers = graph.consumerMap()
  const found = new Map<Node, CodedLookup | undefined>()
  const tableOf = (node: Node): Tensor | undefined =>
    node.is('Gather') && !graph.constant(node.inputs[1]!, producers)
      ? graph.constant(node.inputs[0]!, producers)
      : undefined

  /** Lookups by `ids` that a value is made from. */
  const lookupsIn = (value: string, ids: string, into: Set<Node> = new Set()): Set<Node> => {
    const node = producers.get(value)
    if (!node?.is(...STEPS)) return into
    if (tableOf(node) && node.inputs[1] === ids) into.add(node)
    else for (const input of node.inputs) lookupsIn(input, ids, into)
    return into
  }

  /** The value that codes stand for, and every lookup it is made from. */
  const follow = (start: Node, ids: string): { end: string; lookups: Set<Node> } | undefined => {
    let value = start.outputs[0]!
    let scaled = false
    for (;;) {
      const readers = consumers.get(value) ?? []
      const [next] = readers
      if (readers.length !== 1 || !next?.is(...(scaled ? AFTER : STEPS)) || graph.isOutput(value)) break
      const others = next.inputs.filter((input) => input !== value)
      if (next.is('Mul')) scaled = others.some((other) => lookupsIn(other, ids).size > 0)
      value = next.outputs[0]!
    }
    return scaled ? { end: value, lookups: lookupsIn(value, ids) } : undefined
  }

  for (const node of graph.nodes) {
    const table = tableOf(node)
    if (!table || !CODES.has(table.dtype) || found.has(node)) continue
    const chain = follow(node, node.inputs[1]!)
    const width = chain && traced.get(chain.end)?.dims.at(-1)
    if (!chain || width === undefined) continue
    for (const lookup of chain.lookups) found.set(lookup, undefined)
    found.set(node, {
      parameters: table.dims[0]! * width,
      roots: [...chain.lookups].flatMap((lookup) => rootsOf(graph, producers, lookup.inputs[0]!)),
    })
  }
  return found
}

/** Constants that a constant value is made from, depth first. */
export function rootsOf(graph: Graph, producers: ReadonlyMap<string, Node>, value: string): string[] {
  const roots: string[] = []
  const seen = new Set<string>()
  const visit = (name: string): void => {
    if (name === '' || seen.has(name)) return
    seen.add(name)
    const node = producers.get(name)
    if (!node || node.is('Constant') || graph.initializers.has(name)) roots.push(name)
    else node.inputs.forEach(visit)
  }
  visit(value)
  return roots
}
