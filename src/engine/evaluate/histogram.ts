/** How the weights of a layer are spread, before and after compression. */
import type { WeightHistogram } from '../../contract/compare'
import { PareError } from '../../contract/errors'
import { isFloat, Model, type Graph, type Node } from '../onnx'
import { withLiftedConstants } from '../layers/costs/costs'
import { codeOperator, quantizes, restores } from '../layers/encodings'
import { constantValues } from '../layers/costs/weights'
import { evaluateConstant } from '../runtime/constants'
import { withSession } from '../runtime/session'
import { floatsOf } from '../runtime/value'

const BINS = 64

/** Rows of identity fed at once to a packed weight, to bound memory. */
const PACKED_LIMIT = 4096

/**
 * Histogram of the largest weight of the node whose first output is `layer`, as the layer sees it (dequantized,
 * unpacked); of an If, a Loop or a Scan the largest of its bodies, whose nodes are also found by the names that
 * `nodesIn` gives them. `after` is absent where the candidate lacks the layer or keeps its weights in a form that has no
 * values of its own. Throws `not-found`.
 */
export async function weightHistogram(
  originalModel: Model,
  layer: string,
  candidateModel?: Model,
): Promise<WeightHistogram> {
  const original = withLiftedConstants(originalModel)
  const candidate = candidateModel && withLiftedConstants(candidateModel)
  const found = [...seenIn(original)].find(({ node, name }) => name === layer || node.outputs.includes(layer))
  const before = found && (await weightOf(found))
  if (!before) throw new PareError('not-found', { what: 'layer with weights', id: layer })
  const twin = candidate && twinOf(candidate, layer, found.node)
  const after = twin && (await weightOf(twin))
  const edges = edgesOf(after ? [before, after] : [before])
  return { layer, edges, before: countIn(before, edges), ...(after && { after: countIn(after, edges) }) }
}

/** The node of the same value, or behind Q/DQ that took its name, or of the same name. */
function twinOf(model: Model, layer: string, node: Node): Seen | undefined {
  const producers = model.graph.producers()
  let found = producers.get(layer)
  while (found && (quantizes(found) || restores(found) || found.is('Cast')))
    found = producers.get(found.inputs[0]!)
  const all = [...seenIn(model)]
  return (
    all.find((other) => node.name !== '' && other.node.name === node.name) ??
    all.find((other) => other.node === found || other.name === layer)
  )
}

/** Of the node and of those in the bodies it holds. */
async function weightOf({ node, model }: Seen): Promise<Float32Array | undefined> {
  let largest: Float32Array | undefined
  for (const reader of seenIn(model, [node])) {
    const floats = await ownWeight(reader.model, reader.node)
    if (floats && floats.length > (largest?.length ?? 0)) largest = floats
  }
  return largest
}

/** A node, called as `nodesIn` calls it, with a model in whose main graph all constants lie that it sees. */
interface Seen {
  node: Node
  name: string
  model: Model
}

function* seenIn(model: Model, nodes: readonly Node[] = model.graph.nodes, prefix = ''): Iterable<Seen> {
  for (const node of nodes) {
    const name = `${prefix}${node.outputs.find(Boolean) ?? node.label}`
    yield { node, name, model }
    for (const [attribute, body] of node.subgraphs())
      yield* seenIn(withNodesOf(model, body), body.nodes, `${name}/${attribute}/`)
  }
}

function withNodesOf(model: Model, body: Graph): Model {
  const constant = constantValues(body, constantValues(model.graph))
  const flat = model.clone()
  const own = body.nodes.filter(({ outputs }) => outputs.some((value) => constant.has(value)))
  flat.graph.nodes = [...flat.graph.nodes, ...own.map((node) => node.clone())]
  return flat
}

async function ownWeight(model: Model, node: Node): Promise<Float32Array | undefined> {
  if (codeOperator(node)?.elements && node.attributes.has('K')) return unpacked(model, node)
  const constant = constantValues(model.graph)
  let largest: Float32Array | undefined
  for (const input of node.inputs) {
    if (!constant.has(input)) continue
    const value = await evaluateConstant(model, input)
    if (!isFloat(value.dtype)) continue
    const floats = floatsOf(value)
    if (floats.length > (largest?.length ?? 0)) largest = floats
  }
  return largest
}

/** A packed weight times the identity is the weight. Source: ContribOperators.md, com.microsoft.MatMulNBits. */
async function unpacked(model: Model, node: Node): Promise<Float32Array | undefined> {
  const k = node.int('K', 0)
  if (k === 0 || k > PACKED_LIMIT) return undefined
  const part = new Model()
  part.irVersion = model.irVersion
  for (const [domain, version] of model.opsets) part.opsets.set(domain, version)
  const copy = node.clone()
  copy.inputs = ['identity', ...node.inputs.slice(1)]
  for (const input of node.inputs.slice(1)) {
    const tensor = input && model.graph.constant(input)
    if (tensor) part.graph.initializers.set(input, tensor)
  }
  part.graph.nodes = [copy]
  part.graph.inputs = [{ name: 'identity', dtype: 'float32', dims: [k, k] }]
  part.graph.outputs = [{ name: copy.outputs[0]! }]
  const identity = new Float32Array(k * k)
  for (let i = 0; i < k; i++) identity[i * k + i] = 1
  return withSession(part, { optimization: 'disabled' }, async (session) => {
    const out = await session.run({ identity: { dtype: 'float32', dims: [k, k], data: identity } })
    return floatsOf(out[copy.outputs[0]!]!)
  })
}

/** Equal bins over all finite values; of width one where there is only one value. */
function edgesOf(arrays: readonly Float32Array[]): number[] {
  let low = Infinity
  let high = -Infinity
  for (const values of arrays)
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      if (value < low && value > -Infinity) low = value
      if (value > high && value < Infinity) high = value
    }
  if (!(low <= high)) [low, high] = [0, 0]
  if (low === high) [low, high] = [low - 0.5, high + 0.5]
  return Array.from({ length: BINS + 1 }, (_, i) => low + ((high - low) * i) / BINS)
}

function countIn(values: Float32Array, edges: readonly number[]): number[] {
  const [low, high] = [edges[0]!, edges[BINS]!]
  const counts = new Array<number>(BINS).fill(0)
  const scale = BINS / (high - low)
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor((values[i]! - low) * scale)
    if (at >= 0 || at < 0) counts[Math.max(0, Math.min(BINS - 1, at))]!++
  }
  return counts
}
