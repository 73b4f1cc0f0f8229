/**
 * Which operators of a graph stayed, changed, went or came. Operators are paired by the value they make, then
 * by name, so that a pass which keeps either is seen to have kept the layer.
 */
import type { GraphDiff, GraphDiffNode } from '../../contract/compare'
import { constantValues } from '../layers/constants'
import { largest } from '../layers/costs/weights'
import { quantizes, restores } from '../layers/encodings'
import { rootsOf } from '../layers/encodings/recognized'
import type { AttributeValue, Graph, Model, Node, Tensor } from '../onnx'

/** Weights up to this size are compared by content; larger ones only when they come from elsewhere. */
const COMPARE_CONTENT_BYTES = 64 * 2 ** 20

interface Side {
  graph: Graph
  producers: Map<string, Node>
  /** Values that hang on constants alone. */
  constant: ReadonlySet<string>
  nodes: Node[]
}

export const sideOf = ({ graph }: Model): Side => ({
  graph,
  producers: graph.producers(),
  constant: constantValues(graph),
  nodes: graph.nodes.filter((node) => !node.is('Constant')),
})

export const operator = (node: Node): string =>
  node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
export const made = (node: Node): string => node.outputs.find((output) => output !== '') ?? ''

/** Compares main graphs; without a candidate every operator is the same. Constants count as parts of their readers. */
export function diffGraphs(original: Model, candidate: Model = original): GraphDiff {
  const before = sideOf(original)
  const after = candidate === original ? before : sideOf(candidate)
  const pairs = pair(before, after)
  const partner = new Map([...pairs].map(([old, now]) => [now, old]))
  const nodes: GraphDiffNode[] = []
  const idOfValue = new Map<string, string>()
  for (const node of before.nodes) {
    const now = pairs.get(node)
    for (const output of node.outputs) idOfValue.set(`-${output}`, now ? made(now) : removedId(node, after))
  }
  for (const node of after.nodes) for (const output of node.outputs) idOfValue.set(`+${output}`, made(node))
  const entry = (node: Node, side: Side, state: GraphDiffNode['state'], change: string): GraphDiffNode => ({
    id: state === 'removed' ? removedId(node, after) : made(node),
    op: operator(node),
    label: node.label,
    state,
    change,
    group: groupOf(node, side),
    inputs: [
      ...new Set(
        node.inputs.flatMap((value) => idOfValue.get(`${side === after ? '+' : '-'}${value}`) ?? []),
      ),
    ],
  })
  const removedAfter = removedByAnchor(before.nodes, pairs)
  const addRemoved = (anchor: Node | undefined): void => {
    for (const node of removedAfter.get(anchor) ?? []) nodes.push(entry(node, before, 'removed', 'taken out'))
  }
  addRemoved(undefined)
  for (const node of after.nodes) {
    const old = partner.get(node)
    const change = old && old !== node ? changeOf(old, before, node, after) : ''
    nodes.push(entry(node, after, !old ? 'added' : change ? 'changed' : 'same', old ? change : 'put in'))
    addRemoved(node)
  }
  const counts = { same: 0, changed: 0, removed: 0, added: 0 }
  for (const { state } of nodes) counts[state]++
  return { nodes, counts }
}

/** The value a removed operator made may now be made by another. */
export const removedId = (node: Node, after: Side): string =>
  after.producers.has(made(node)) ? `before:${made(node)}` : made(node)

/** Original → candidate. */
export function pair(before: Side, after: Side): Map<Node, Node> {
  const pairs = new Map<Node, Node>()
  const taken = new Set<Node>()
  const take = (old: Node, now: Node | undefined): void => {
    if (!now || taken.has(now) || pairs.has(old)) return
    pairs.set(old, now)
    taken.add(now)
  }
  const byName = new Map(after.nodes.filter((node) => node.name).map((node) => [node.name, node]))
  const sameKind = (a: Node, b: Node | undefined): boolean => b !== undefined && isGlue(a) === isGlue(b)
  for (const old of before.nodes) {
    const named = byName.get(old.name)
    if (named && operator(named) === operator(old)) take(old, named)
  }
  for (const old of before.nodes) {
    const now = after.producers.get(made(old))
    // A Q/DQ pair put behind a layer takes over the name of its value: that is not the layer.
    if (sameKind(old, now)) take(old, now)
  }
  for (const old of before.nodes) {
    const named = byName.get(old.name)
    if (sameKind(old, named)) take(old, named)
  }
  return pairs
}

const isGlue = (node: Node): boolean => quantizes(node) || restores(node) || node.is('Cast', 'Identity')

/** Removed nodes by the candidate's node they stood behind. */
function removedByAnchor(
  nodes: readonly Node[],
  pairs: ReadonlyMap<Node, Node>,
): Map<Node | undefined, Node[]> {
  const anchored = new Map<Node | undefined, Node[]>()
  let anchor: Node | undefined
  for (const node of nodes) {
    const now = pairs.get(node)
    if (now) {
      anchor = now
      continue
    }
    const list = anchored.get(anchor)
    if (list) list.push(node)
    else anchored.set(anchor, [node])
  }
  return anchored
}

/** '/encoder/layer.0/MatMul' → 'encoder/layer.0'; without such a name, that of its weight. */
function groupOf(node: Node, { graph }: Side): string {
  const parts = node.name.split('/').filter(Boolean)
  if (parts.length > 1) return parts.slice(0, -1).join('/')
  const weight = node.inputs.find((value) => graph.initializers.has(value) && value.includes('.'))
  return weight ? weight.split('.').slice(0, -1).join('/') : ''
}

/** What differs, in words; empty when nothing does. */
function changeOf(old: Node, before: Side, now: Node, after: Side): string {
  const changes: string[] = []
  if (operator(old) !== operator(now)) changes.push(`${operator(old)} → ${operator(now)}`)
  const [was, is] = [weightOf(old, before), weightOf(now, after)]
  if (was && is) changes.push(...weightChange(was, is))
  else if (was && !is) changes.push('weights no longer constant')
  const quantized = (node: Node, side: Side): boolean =>
    node.inputs.some((value) => restores(side.producers.get(value)) && !side.constant.has(value))
  if (quantized(now, after) && !quantized(old, before)) changes.push('inputs quantized')
  if (operator(old) === operator(now)) changes.push(...attributeChanges(old, now))
  return changes.join('; ')
}

/** The largest constant that a node reads, whatever operators bring it there. */
const weightOf = (node: Node, { graph, producers, constant }: Side): Tensor | undefined =>
  largest(
    node.inputs
      .filter((value) => constant.has(value))
      .flatMap((value) => rootsOf({ graph, producers }, value))
      .map((root) => graph.constant(root, producers)),
  )

function weightChange(was: Tensor, is: Tensor): string[] {
  const shape = (tensor: Tensor): string => tensor.dims.join('×') || '1'
  const changes: string[] = []
  if (was.dtype !== is.dtype) changes.push(`weights ${was.dtype} → ${is.dtype}`)
  if (shape(was) !== shape(is)) changes.push(`weights ${shape(was)} → ${shape(is)}`)
  if (changes.length > 0 || was === is || was.byteLength > COMPARE_CONTENT_BYTES) return changes
  return was.contentKey() === is.contentKey() ? [] : ['weights changed']
}

function attributeChanges(old: Node, now: Node): string[] {
  const changes: string[] = []
  for (const name of new Set([...old.attributes.keys(), ...now.attributes.keys()])) {
    const [a, b] = [shown(old.attributes.get(name)), shown(now.attributes.get(name))]
    if (a !== b) changes.push(`${name} ${a} → ${b}`)
  }
  return changes
}

export function shown(attribute: AttributeValue | undefined): string {
  if (!attribute) return 'default'
  const { type, value } = attribute
  if (type === 'string') return Buffer.from(value).toString('utf8')
  if (type === 'strings') return value.map((one) => Buffer.from(one).toString('utf8')).join(', ')
  if (type === 'ints' || type === 'floats') return `[${value.join(', ')}]`
  if (type === 'int' || type === 'float') return String(value)
  if (type === 'tensor') return value.contentKey()
  return type
}
