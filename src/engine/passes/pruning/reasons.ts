/** Why nothing was pruned, from what was found of each layer. */
import { countQuantized } from '../../layers/encodings'
import type { NotALayer } from '../../layers/find'
import type { Graph } from '../../onnx'

const NAMED = 3

/** What is left of layers that finders skip where products of two activations are no news. */
export const worthTelling = (skipped: readonly NotALayer[]): NotALayer[] =>
  skipped.filter(({ reason }) => reason !== 'a product of two activations')

/** Each reason once, with the first few layers it holds for; what says that there are none, where there are none. */
export function reasonsOf(graph: Graph, skipped: readonly NotALayer[]): string {
  if (countQuantized(graph) > 0) return 'its layers are quantized already: prune before that'
  if (skipped.length === 0) {
    const outer = graph.nodes.find((node) => node.subgraphs().length > 0)
    return outer
      ? `no layer with a weight lies outside of ${outer.opType}, into which this step does not go`
      : 'it has no layer with a weight'
  }
  const byReason = new Map<string, string[]>()
  for (const { layer, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), layer])
  return [...byReason].map(([reason, layers]) => `${namesOf(layers)}: ${reason}`).join('; ')
}

const namesOf = (layers: readonly string[]): string =>
  layers.slice(0, NAMED).join(', ') + (layers.length > NAMED ? ` and ${layers.length - NAMED} more` : '')
