/** All operators that can be written out, and the walk that does it. */
import { raiseOpset, type Model, type Node } from '../../onnx'
import { opOf } from '../kinds'
import { attention } from './attention'
import { biasGelu } from './bias-gelu'
import { embedLayerNormalization } from './embed-layer-normalization'
import { fastGelu } from './fast-gelu'
import { fusedConv } from './fused-conv'
import { fusedMatMul } from './fused-matmul'
import { groupQueryAttention } from './group-query-attention'
import { multiHeadAttention } from './multi-head-attention'
import { rotaryEmbedding } from './rotary-embedding'
import { skipLayerNormalization, skipSimplifiedLayerNormalization } from './skip-layer-normalization'
import { standardAttention } from './standard-attention'
import { Site, type Known, type Unfusing } from './unfusing'

export const UNFUSINGS: readonly Unfusing[] = [
  fusedMatMul,
  fusedConv,
  biasGelu,
  fastGelu,
  skipLayerNormalization,
  skipSimplifiedLayerNormalization,
  embedLayerNormalization,
  rotaryEmbedding,
  attention,
  multiHeadAttention,
  groupQueryAttention,
  standardAttention,
]

const BY_OP = new Map(UNFUSINGS.map((unfusing) => [unfusing.op, unfusing]))

/** Whether the operator stands for several plain ones, which `simplify` writes in its place where it is asked to. */
export const isFusedNode = (node: Node): boolean => BY_OP.has(opOf(node))

export const isFused = (model: Model): boolean => model.graph.nodes.some(isFusedNode)

/** What to do where such an operator is in the way, to follow the reason. */
export const unfuseHint = (node: Node): string =>
  isFusedNode(node) ? '; simplify with “unfuse” before this step writes it as plain operators' : ''

/** LayerNormalization came with it. */
const OPSET = 17

interface Unfused {
  model: Model
  /** How many nodes of each operator were written out. */
  done: Map<string, number>
  left: { layer: string; reason: string }[]
}

/** A clone with its fused operators of the main graph written out; `known` are the model's values as they were run. */
export function unfuse(original: Model, known: ReadonlyMap<string, Known>): Unfused {
  const lifted = raiseOpset(original, OPSET)
  const model = lifted === original ? original.clone() : lifted
  const done = new Map<string, number>()
  const left: Unfused['left'] = []
  for (const node of [...model.graph.nodes]) {
    const unfusing = BY_OP.get(opOf(node))
    if (!unfusing) continue
    const site = new Site(model, node, known)
    const floats = node.outputs[0] !== undefined && site.isFloat32(node.outputs[0])
    const reason = floats ? unfusing.write(site) : 'it is not computed in float32'
    if (reason !== undefined) {
      left.push({ layer: node.outputs.find(Boolean) ?? node.label, reason })
      continue
    }
    site.commit()
    done.set(node.opType, (done.get(node.opType) ?? 0) + 1)
  }
  model.graph.sort()
  model.graph.prune()
  return { model, done, left }
}
