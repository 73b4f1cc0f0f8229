/** What a model costs, by node. */
import type { Model, Node } from '../../onnx'
import { macsOf, macsSum } from '../../runtime/macs'
import { nonzeroOf } from './nonzero'
import { traceShapes, type TracedValue } from '../../runtime/trace'
import { liftConstants } from '../normalize/lift-constants'
import { copies } from './copies'
import { weightsByNode, type Weight } from './weights'

/** The base of reports and of every choice of layers. */
export interface ModelCosts {
  parameters: number
  /** Null where those of a node are not known. */
  macs: number | null
  /** Nodes that compute something from the inputs, in order; an If or a Loop has the weights of its bodies. */
  nodes: { node: Node; weights: Weight[]; macs: number | null }[]
  traced: Map<string, TracedValue>
}

/**
 * Parameters and MACs at batch 1 (or the batch the model fixes). A weight read by several nodes, or stored
 * twice, is counted at its first reader. Model-local functions count 0.
 * Throws what `traceShapes` throws.
 */
export async function modelCosts(model: Model, traced?: Map<string, TracedValue>): Promise<ModelCosts> {
  const shapes = traced ?? (await traceShapes(model))
  const lifted = withLiftedConstants(model)
  const twins = copies(lifted.graph)
  const counted = new Set<string>()
  const nodes = [...weightsByNode(lifted, shapes)].map(([node, weights]) => ({
    node,
    weights: weights.filter(({ roots }) => {
      const key = roots.map((root) => twins.get(root) ?? root).join('\n')
      return !counted.has(key) && counted.add(key)
    }),
    macs: macsOf(node, shapes),
  }))
  const parameters = nodes.reduce((sum, { weights }) => sum + total(weights), 0)
  return { parameters, macs: macsSum(nodes.map(({ macs }) => macs)), nodes, traced: shapes }
}

/** Weights by the nodes of the model, those of bodies at the If or Loop that holds them. */
export function weightsWithBodies(
  model: Model,
  traced: ReadonlyMap<string, TracedValue>,
): Map<Node, Weight[]> {
  const lifted = withLiftedConstants(model)
  const found = weightsByNode(lifted, traced)
  if (lifted === model) return found
  const own = model.graph.producers()
  return new Map(
    [...found].map(([node, weights]) => [own.get(node.outputs.find(Boolean) ?? '') ?? node, weights]),
  )
}

/** The model itself where no constant lies in a body. */
export function withLiftedConstants(model: Model): Model {
  if (!model.graph.nodes.some((node) => node.subgraphs().length > 0)) return model
  const clone = model.clone()
  liftConstants(clone)
  return clone
}

export const total = (weights: readonly Weight[]): number =>
  weights.reduce((sum, { parameters }) => sum + parameters, 0)

/** Weights that are not zero, tied ones once. Reads the weights in pieces. */
export async function nonzeroParameters(model: Model, costs?: ModelCosts): Promise<number> {
  let count = 0
  const lifted = withLiftedConstants(model)
  for (const { node, weights } of (costs ?? (await modelCosts(model))).nodes)
    for (const weight of weights) count += await nonzeroOf(lifted, node, weight)
  return count
}
