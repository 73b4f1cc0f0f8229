/**
 * Embeddings that are stored as codes: rows of codes and rows of scales are looked up by the same ids and become
 * floats on the way. They are one weight, however many tables they lie in.
 */
import type { Graph, Node } from '../../onnx'
import { onlyReader } from '../fuses'

/** Values of a graph that hang on constants alone, and who makes and reads which. */
export interface LookupView {
  graph: Graph
  constant: ReadonlySet<string>
  producers: Map<string, Node>
  consumers: ReadonlyMap<string, readonly Node[]>
}

/** Operators an encoding writes behind a lookup: up to the product with the scale, and after it up to a Cast. */
export interface LookupChain {
  toScale: readonly string[]
  toValues: readonly string[]
}

export interface CodedLookup {
  /** The value that the codes stand for. */
  value: string
  /** All that the value is looked up in, tables of values as well. */
  lookups: Node[]
  /** Names of the constants with codes, scales and zero points. */
  roots: string[]
}

export const looksUp = ({ constant }: LookupView, node: Node): boolean =>
  node.is('Gather') && constant.has(node.inputs[0]!) && !constant.has(node.inputs[1]!)

/** Undefined where the chain is another one, or no scale that is looked up by the same ids is met. */
export function recognizeRows(view: LookupView, start: Node, chain: LookupChain): CodedLookup | undefined {
  const { producers } = view
  const ids = start.inputs[1]!
  const isByIds = (node: Node): boolean => node.inputs[1] === ids

  const lookupsIn = (value: string, into: Set<Node>): Set<Node> => {
    const node = producers.get(value)
    if (!node?.is('Gather', ...chain.toScale) || into.has(node)) return into
    if (looksUp(view, node)) into.add(node)
    if (!node.is('Gather') || !isByIds(node)) for (const input of node.inputs) lookupsIn(input, into)
    return into
  }

  let value = start.outputs[0]!
  const lookups = new Set([start])
  let next = onlyReader(view, value)
  for (let scaled = false; !scaled; next = onlyReader(view, value)) {
    if (!next?.is(...chain.toScale)) return undefined
    const beside = next.inputs.filter((input) => input !== value)
    for (const other of beside) {
      const found = lookupsIn(other, new Set())
      scaled ||= next.is('Mul') && [...found].some(isByIds)
      for (const lookup of found) lookups.add(lookup)
    }
    if (looksUp(view, next)) lookups.add(next)
    value = next.outputs[0]!
  }
  for (; next?.is(...chain.toValues); next = onlyReader(view, value)) {
    value = next.outputs[0]!
    if (next.is('Cast')) break
  }
  const roots = [...lookups].filter(isByIds).flatMap((lookup) => rootsOf(view, lookup.inputs[0]!))
  return { value, lookups: [...lookups], roots }
}

/** Constants that a constant value is made from, depth first. */
export function rootsOf(
  { graph, producers }: Pick<LookupView, 'graph' | 'producers'>,
  value: string,
): string[] {
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
