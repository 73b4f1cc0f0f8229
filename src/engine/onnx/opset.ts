/**
 * Lifting a model to a newer operator set: one rule for every operator whose attributes or meaning changed.
 * Source: ONNX Changelog.md, versions 7 to 25 of the default domain.
 */
import { PareError } from '../../contract/errors'
import type { Graph } from './graph'
import type { Model } from './model'
import type { Node } from './node'
import { Lift } from './lift'
import { NEVER_LIFTED, RULES, type Rule } from './opset-rules'

/** Newest operator set the rules know. */
export const NEWEST_OPSET = 25

const OLDEST_OPSET = 7

/** IR version an operator set came with, so that readers accept the types it brought. */
const IR_VERSIONS: readonly (readonly [opset: number, ir: number])[] = [
  [9, 4],
  [13, 7],
  [15, 8],
  [19, 9],
  [21, 10],
  [23, 11],
  [24, 12],
  [25, 13],
]

/**
 * A model of at least operator set `to` that computes the same. `ranks` may tell ranks of values (from a
 * trace, say): with it, Softmax needs no reshapes. A model new enough is given back as it is.
 * Throws `model/opset-too-old` below 7, `model/unsupported-op` naming what cannot be lifted, RangeError for a
 * `to` above `NEWEST_OPSET`.
 */
export function raiseOpset(model: Model, to: number, ranks?: (value: string) => number | undefined): Model {
  const from = model.opset
  if (from >= to) return model
  if (to > NEWEST_OPSET) throw new RangeError(`operator sets are known up to ${NEWEST_OPSET}`)
  if (from < OLDEST_OPSET) model.requireOpset(OLDEST_OPSET, 'Add', 'raising the operator set')
  const [local] = model.functions
  if (local)
    throw new PareError('model/unsupported-op', {
      op: local.name,
      domain: local.domain,
      node: local.name,
      by: 'lifting the operator set of model-local functions',
    })
  const clone = model.clone()
  for (const graph of clone.graphs()) {
    const known = ranks ?? ((value: string) => declaredRank(graph, value))
    liftGraph(graph, new Lift(clone, graph, from, known), from, to)
  }
  clone.opsets.set('', to)
  for (const [opset, ir] of IR_VERSIONS) if (to >= opset) clone.irVersion = Math.max(clone.irVersion, ir)
  return clone
}

function declaredRank(graph: Graph, value: string): number | undefined {
  const info =
    graph.valueInfo.get(value) ?? [...graph.inputs, ...graph.outputs].find(({ name }) => name === value)
  return info?.dims?.length ?? graph.initializers.get(value)?.dims.length
}

function liftGraph(graph: Graph, lift: Lift, from: number, to: number): void {
  const nodes: Node[] = []
  for (const node of [...graph.nodes]) {
    const early: Node[] = []
    const late: Node[] = []
    if (node.domain === '') {
      if (NEVER_LIFTED.has(node.opType)) lift.refuse(node, 'the operator was experimental and is gone')
      for (let version = from + 1; version <= to; version++) {
        ruleOf(node, version)?.(node, lift)
        const { before, after } = lift.take()
        early.push(...before)
        late.unshift(...after)
      }
    }
    nodes.push(...early, node, ...late)
  }
  graph.nodes = nodes
}

const ruleOf = (node: Node, version: number): Rule | undefined => node.among(RULES[version] ?? {})
