/** Weights that a pass does not look at, named: a reason that is silent on them would deny that they exist. */
import { isFloat, type Graph, type Model, type Node } from '../onnx'
import { isQuantized } from './encodings'
import { findLayers, nodesIn, type FindOptions, type FoundNode, type NotALayer } from './find'
import { ALL_OPS, kindOf, opOf } from './kinds'
import type { Layer } from './layer'
import { liftConstants } from './normalize/lift-constants'
import { unfuseHint } from './unfuse'

/** Fewer values than this are settings, or not worth a word. */
const LEAST = 64

/**
 * Nodes with constant float matrices or kernels of 64 values and more whose operator is not among `ops`, and all those
 * within If, Loop and Scan unless `bodies` says that the pass goes there.
 */
export function leftOut(model: Model, ops: readonly string[], bodies = false): NotALayer[] {
  const clone = model.clone()
  clone.constantsToInitializers(({ dtype }) => dtype !== 'string')
  liftConstants(clone)
  const { graph } = clone
  const sizeAt = ({ node, producers }: FoundNode): number =>
    node.inputs
      .filter((_, slot) => kindOf(node)?.weights.includes(slot) ?? true)
      .map((value) => graph.constant(value, producers))
      .filter((tensor) => tensor && isFloat(tensor.dtype) && tensor.dims.filter((d) => d > 1).length > 1)
      .reduce((sum, tensor) => sum + tensor!.size, 0)
  return [...nodesIn(graph, true)].flatMap((found) => {
    const { node, name, within } = found
    if (ops.includes(opOf(node)) && (!within || bodies)) return []
    const weighs = (kindOf(node) !== undefined || node.is('Einsum')) && !isQuantized(node)
    const size = weighs ? sizeAt(found) : 0
    return size < LEAST ? [] : [{ layer: name, reason: reasonOf(node, within, size) }]
  })
}

/**
 * The layers that a pass works on, and why it leaves others: `whyNot` is what it says of a layer itself. `others` are
 * nodes that could be layers and are none, but for products of two activations.
 */
export function openLayers(
  model: Model,
  options: FindOptions,
  whyNot: (layer: Layer) => string | undefined,
): { layers: Layer[]; skipped: NotALayer[]; others: NotALayer[] } {
  const found = findLayers(model.graph, options)
  const skipped = leftOut(model, options.ops ?? ALL_OPS, options.bodies)
  const layers = found.layers.filter((layer) => {
    const reason = whyNot(layer)
    if (reason) skipped.push({ layer: layer.name, reason })
    return !reason
  })
  return { layers, skipped, others: worthTelling(found.skipped) }
}

/** A layer that a person named: by itself, by its node, or by its operator. */
export const isExcluded = (
  exclude: readonly string[] = [],
  { node, name }: { node: Node; name?: string },
): boolean =>
  exclude.some(
    (one) => one === name || one === node.name || one === node.opType || node.outputs.includes(one),
  )

export const LEFT_ALONE = 'left alone as asked'

/** What is left of layers that finders skip where products of two activations are no news. */
export const worthTelling = (skipped: readonly NotALayer[]): NotALayer[] =>
  skipped.filter(({ reason }) => reason !== 'a product of two activations')

const reasonOf = (node: Node, within: Node | undefined, size: number): string =>
  `${node.opType}${within ? ` within ${within.opType}` : ''}: its ${size.toLocaleString('en')} weights are not compressed by this step${unfuseHint(node)}`

/**
 * That there are none: where the model has If, Loop or Scan, into which a step does not go unless `bodies` says so, that
 * none lies outside.
 */
export function noneOf(graph: Graph, what: string, bodies = false): string {
  const outer = bodies ? undefined : graph.nodes.find((node) => node.subgraphs().length > 0)
  return outer
    ? `no ${what} of the model lie outside of ${outer.opType}, into which this step does not go`
    : `the model has no ${what}`
}

/** Each reason with the first few layers that it is true of, the most common ones first; undefined without any. */
export function reasonsTold(skipped: readonly NotALayer[]): string | undefined {
  const byReason = new Map<string, string[]>()
  for (const { layer, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), layer])
  const told = [...byReason].sort(([, a], [, b]) => b.length - a.length)
  const sentences = told.slice(0, REASONS).map(([reason, layers]) => `${namesOf(layers)}: ${reason}`)
  if (told.length > REASONS) sentences.push(`and ${told.length - REASONS} more reasons`)
  return sentences.length === 0 ? undefined : sentences.join('; ')
}

const REASONS = 4
const NAMED = 3

const namesOf = (layers: readonly string[]): string =>
  layers.slice(0, NAMED).join(', ') + (layers.length > NAMED ? ` and ${layers.length - NAMED} more` : '')
