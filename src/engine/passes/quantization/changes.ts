/** How what quantization changes spreads through a graph. */
import { readsOf, type Graph, type Node } from '../../onnx'

interface Step {
  node: Node
  /** Most quantized nodes one after the other in front of it. */
  before: number
  /** The value that all that has changed goes through behind it, where there is one alone. */
  alone?: string
}

/** The nodes of a sorted graph in order; `changed` are those that are quantized. */
export function* changesAlong(graph: Graph, changed: ReadonlySet<Node>): Iterable<Step> {
  const readers = graph.consumerMap()
  const depths = new Map<string, number>()
  /** Values that have changed, with how many still read them. */
  const open = new Map<string, number>()
  for (const node of graph.nodes) {
    const reads = [...readsOf(node)]
    const before = Math.max(0, ...reads.map((value) => depths.get(value) ?? 0))
    const depth = before + (changed.has(node) ? 1 : 0)
    if (depth > 0) {
      for (const value of reads) {
        const left = (open.get(value) ?? 0) - 1
        if (left > 0) open.set(value, left)
        else open.delete(value)
      }
      for (const output of node.outputs.filter(Boolean)) {
        depths.set(output, depth)
        const count = (readers.get(output)?.length ?? 0) + Number(graph.isOutput(output))
        if (count > 0) open.set(output, count)
      }
    }
    const [alone] = open.size === 1 ? open.keys() : []
    yield { node, before, ...(depth > 0 && alone !== undefined && { alone }) }
  }
}
