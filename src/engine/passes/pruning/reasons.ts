/** Why nothing was pruned, from what was found of each layer. */
import { countQuantized } from '../../layers/encodings'
import type { Graph } from '../../onnx'
import type { NotALayer } from '../../layers/find'
import { reasonsTold } from '../../layers/left-out'

/** Each reason once, with the first few layers it holds for; what says that there are none, where there are none. */
export function reasonsOf(graph: Graph, skipped: readonly NotALayer[]): string {
  if (countQuantized(graph) > 0) return 'its layers are quantized already: prune before that'
  const told = reasonsTold(skipped)
  if (told !== undefined) return told
  const outer = graph.nodes.find((node) => node.subgraphs().length > 0)
  return outer
    ? `no layer with a weight lies outside of ${outer.opType}, into which this step does not go`
    : 'it has no layer with a weight'
}
