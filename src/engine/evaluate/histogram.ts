/** How the weights of a layer are spread, before and after compression. */
import type { WeightHistogram } from '../../contract/compare'
import { PareError } from '../../contract/errors'
import { isFloat, type Graph, type Model, type Node } from '../onnx'
import { withLiftedConstants } from '../layers/costs/costs'
import { codeOperator, quantizes, restores } from '../layers/encodings'
import { constantValues } from '../layers/constants'
import { restoredInput } from '../layers/encodings/restore'
import { evaluateConstant } from '../runtime/constants'
import { floatsOf, type Value } from '../runtime/value'

const BINS = 64

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
  const constant = constantValues(model.graph)
  const operator = codeOperator(node)
  let largest: Float32Array | undefined
  for (const [slot, input] of node.inputs.entries()) {
    if (!constant.has(input) || operator?.settings.includes(slot)) continue
    const floats = operator?.codes.includes(slot)
      ? await decoded(model, node, slot, { operator, isConstant: (value) => constant.has(value) })
      : floatsIn(await evaluateConstant(model, input))
    if (floats && floats.length > (largest?.length ?? 0)) largest = floats
  }
  return largest
}

const floatsIn = (value: Value): Float32Array | undefined =>
  isFloat(value.dtype) ? floatsOf(value) : undefined

async function decoded(
  ...[model, node, slot, known]: Parameters<typeof restoredInput>
): Promise<Float32Array | undefined> {
  if (known.operator.scaledBehind?.includes(slot)) return undefined
  const pieces = [...((await restoredInput(model, node, slot, known)) ?? [])]
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0))
  pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0)
  return all.length > 0 ? all : undefined
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
