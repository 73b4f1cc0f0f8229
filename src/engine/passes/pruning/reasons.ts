/** Why nothing was pruned, from what was found of each layer. */
import { countQuantized } from '../../layers/encodings'
import type { Graph } from '../../onnx'
import type { NotALayer } from '../../layers/find'
import { noneOf, reasonsTold } from '../../layers/left-out'

/**
 * Each reason once, with the first few layers it holds for; what says that there are none, where there are none. `bodies`
 * says that the pass goes into If, Loop and Scan.
 */
export function reasonsOf(graph: Graph, skipped: readonly NotALayer[], bodies = false): string {
  if (countQuantized(graph) > 0) return 'its layers are quantized already: prune before that'
  return reasonsTold(skipped) ?? noneOf(graph, 'layers with a weight', bodies)
}
