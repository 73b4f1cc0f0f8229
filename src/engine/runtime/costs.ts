/** What a model costs, by node. */
import type { Model, Node } from '../onnx'
import { macsOf } from './macs'
import { nonzeroOf } from './nonzero'
import { traceShapes, type TracedValue } from './trace'
import { copies, weightsByNode, type Weight } from './weights'

/** The base of reports and of every choice of layers. */
export interface ModelCosts {
  parameters: number
  macs: number
  /** Nodes that compute something from the inputs, in order. */
  nodes: { node: Node; weights: Weight[]; macs: number }[]
  traced: Map<string, TracedValue>
}

/**
 * Parameters and MACs at batch 1 (or the batch the model fixes). A weight read by several nodes, or stored
 * twice, is counted at its first reader. Subgraphs and model-local functions count 0.
 * Throws what `traceShapes` throws.
 */
export async function modelCosts(model: Model, traced?: Map<string, TracedValue>): Promise<ModelCosts> {
  const shapes = traced ?? (await traceShapes(model))
  const twins = copies(model.graph)
  const counted = new Set<string>()
  const nodes = [...weightsByNode(model, shapes)].map(([node, weights]) => ({
    node,
    weights: weights.filter(({ roots }) => {
      const key = roots.map((root) => twins.get(root) ?? root).join('\n')
      return !counted.has(key) && counted.add(key)
    }),
    macs: macsOf(node, shapes),
  }))
  const parameters = nodes.reduce((sum, { weights }) => sum + total(weights), 0)
  return { parameters, macs: nodes.reduce((sum, { macs }) => sum + macs, 0), nodes, traced: shapes }
}

export const total = (weights: readonly Weight[]): number =>
  weights.reduce((sum, { parameters }) => sum + parameters, 0)

/** Weights that are not zero, tied ones once. Reads the weights in pieces. */
export async function nonzeroParameters(model: Model, costs?: ModelCosts): Promise<number> {
  let count = 0
  for (const { node, weights } of (costs ?? (await modelCosts(model))).nodes)
    for (const weight of weights) count += await nonzeroOf(model, node, weight)
  return count
}
