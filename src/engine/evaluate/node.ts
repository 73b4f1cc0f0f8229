/** One operator of a diff, as the original and the candidate have it, and what the operators of a model cost. */
import type { NodeCost, NodeDetail, NodeSide } from '../../contract/compare'
import { PareError } from '../../contract/errors'
import { modelCosts, total } from '../layers/costs/costs'
import type { Graph, Model, Node } from '../onnx'
import { made, operator, pair, removedId, shown, sideOf } from './diff'

/** `id` is that of `diffGraphs` for the same two models. Throws `not-found` for any other. */
export function nodeDetail(id: string, original: Model, candidate?: Model): NodeDetail {
  const before = sideOf(original)
  const after = candidate ? sideOf(candidate) : before
  const pairs = candidate ? pair(before, after) : new Map(before.nodes.map((node) => [node, node]))
  const now = after.nodes.find((node) => made(node) === id)
  const old = before.nodes.find((node) => {
    const partner = pairs.get(node)
    return partner ? partner === now : removedId(node, after) === id
  })
  // An id without a mark is that of the candidate's operator, where there is one.
  const gone = old !== undefined && !pairs.has(old)
  if (!now && !old) throw new PareError('not-found', { what: 'operator', id })
  return {
    ...(old && { original: side(old, original.graph) }),
    ...(candidate && now && !gone && { candidate: side(now, candidate.graph) }),
  }
}

function side(node: Node, graph: Graph): NodeSide {
  const producers = graph.producers()
  return {
    op: operator(node),
    name: node.name,
    attributes: [...node.attributes].map(([name, attribute]) => ({
      name,
      value: attribute.type === 'tensor' ? `${attribute.value.dtype} tensor` : shown(attribute),
    })),
    inputs: node.inputs
      .filter((name) => name !== '')
      .map((name) => {
        const constant = graph.constant(name, producers)
        return constant
          ? { name, dtype: constant.dtype, dims: [...constant.dims], bytes: constant.byteLength }
          : { name }
      }),
    outputs: node.outputs.filter((name) => name !== ''),
  }
}

/**
 * By the first output of each operator that hangs on an input: shape and dtype of that output at batch 1, MACs and
 * parameters. Empty for a model that ONNX Runtime does not run: a drawing does without.
 */
export async function nodeCosts(model: Model): Promise<Record<string, NodeCost>> {
  const costs = await modelCosts(model).catch(() => undefined)
  return Object.fromEntries(
    (costs?.nodes ?? []).map(({ node, weights, macs }) => {
      const output = costs!.traced.get(made(node))
      const traced = output && { shape: [...output.dims], dtype: output.dtype }
      return [made(node), { ...traced, macs, parameters: total(weights) }]
    }),
  )
}
