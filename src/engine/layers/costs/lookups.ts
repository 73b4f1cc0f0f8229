/**
 * Embeddings that are stored as codes: rows of codes and rows of scales are looked up by the same ids and become
 * floats on the way. They are one weight, however many tables they lie in.
 */
import type { Graph, Node } from '../../onnx'
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

/**
 * By the node that looks up: the one with the first codes tells of the weight, the others of none. `constant` holds
 * the values that hang on constants alone.
 */
export function codedLookups(
  graph: Graph,
  constant: ReadonlySet<string>,
  traced: ReadonlyMap<string, TracedValue>,
): Map<Node, CodedLookup | undefined> {
  const producers = graph.producers()
  const consumers = graph.consumerMap()
  const found = new Map<Node, CodedLookup | undefined>()
  const looksUp = (node: Node): boolean =>
    node.is('Gather') && constant.has(node.inputs[0]!) && !constant.has(node.inputs[1]!)

  /** Every lookup that a value is made from: rows by `ids`, and what their codes stand for in tables of values. */
  const lookupsIn = (value: string, ids: string, into: Set<Node> = new Set()): Set<Node> => {
    const node = producers.get(value)
    if (!node?.is(...STEPS) || into.has(node)) return into
    if (looksUp(node)) into.add(node)
    if (!node.is('Gather') || node.inputs[1] !== ids)
      for (const input of node.inputs) lookupsIn(input, ids, into)
    return into
  }
  const isByIds = (ids: string) => (node: Node) => node.inputs[1] === ids

  /** The value that codes stand for; undefined where no scale that is looked up by the same ids is met. */
  const endOf = (start: Node, ids: string): string | undefined => {
    let value = start.outputs[0]!
    let scaled = false
    for (;;) {
      const readers = consumers.get(value) ?? []
      const [next] = readers
      if (readers.length !== 1 || !next?.is(...(scaled ? AFTER : STEPS)) || graph.isOutput(value)) break
      const others = next.inputs.filter((input) => input !== value)
      if (next.is('Mul')) scaled = others.some((other) => [...lookupsIn(other, ids)].some(isByIds(ids)))
      value = next.outputs[0]!
    }
    return scaled ? value : undefined
  }

  for (const node of graph.nodes) {
    const table = looksUp(node) ? graph.constant(node.inputs[0]!, producers) : undefined
    if (!table || !CODES.has(table.dtype) || found.has(node)) continue
    const ids = node.inputs[1]!
    const end = endOf(node, ids)
    const width = end === undefined ? undefined : traced.get(end)?.dims.at(-1)
    if (end === undefined || width === undefined) continue
    const lookups = [...lookupsIn(end, ids)]
    for (const lookup of lookups) found.set(lookup, undefined)
    const roots = lookups
      .filter(isByIds(ids))
      .flatMap((lookup) => rootsOf(graph, producers, lookup.inputs[0]!))
    found.set(node, { parameters: table.dims[0]! * width, roots })
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
