/**
 * Which constants are weights, and of which layer. A weight may reach its layer through constant nodes
 * (DequantizeLinear, Cast, a codebook's Gather, unpacking of bits): it is counted as its layer sees it.
 */
import { isFloat, sizeOf, type Graph, type Model, type Node, type Tensor } from '../../onnx'
import type { RowsLookedUp } from '../../runtime/constants'
import type { TracedValue } from '../../runtime/trace'
import { constantValues } from '../constants'
import { kindOf } from '../kinds'
import { codedLookup, codeOperator } from '../encodings'
import { looksUp, rootsOf, type CodedLookup, type LookupView } from '../encodings/recognized'

/** One weight of one layer. */
export interface Weight {
  /** The value the layer reads. */
  value: string
  /** Names of the constants it comes from; equal lists are the same weight, read twice. */
  roots: readonly string[]
  /** Elements as the layer sees them. */
  parameters: number
  /** Bytes of the constants it comes from, scales and zero points included. */
  bytes: number
  /** How the elements are stored. */
  dtype: string
  /** How its values are had, where they are codes that become floats behind the lookup. */
  rows?: RowsLookedUp
}

/** Inputs that are settings, not weights, whatever they hold. */
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Pad: [1, 2, 3],
  Resize: [1, 2, 3],
  Upsample: [1],
  Range: [0, 1, 2],
  OneHot: [1, 2],
  Dropout: [1, 2],
  Where: [0],
}

const settingsOf = (node: Node): readonly number[] =>
  codeOperator(node)?.settings ?? node.among(SETTINGS) ?? []

/** Operators besides those with layers in which even a single number may have been learned. */
const LEARNED = new Set([
  'BatchNormalization',
  'GroupNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'PRelu',
  'SimplifiedLayerNormalization',
  'SkipLayerNormalization',
])

const isLearned = (node: Node): boolean => LEARNED.has(node.opType) || kindOf(node) !== undefined

/** The weights of each node that computes something from the model's inputs, in the order of its inputs. */
export function weightsByNode(model: Model, traced: ReadonlyMap<string, TracedValue>): Map<Node, Weight[]> {
  const { graph } = model
  const constant = constantValues(graph)
  const producers = graph.producers()
  const lookups = codedLookups({ graph, constant, producers, consumers: graph.consumerMap() })
  const found = new Map<Node, Weight[]>()
  for (const node of graph.nodes) {
    if (node.outputs.every((output) => output === '' || constant.has(output))) continue
    const lookup = lookups.get(node)
    if (lookup) found.set(node, [codedWeight(graph, producers, traced, node, lookup)])
    else found.set(node, lookups.has(node) ? [] : weightsOf(node, { graph, constant, producers, traced }))
  }
  return found
}

/** By the node that looks up: the one with the first codes tells of the weight, the others of none. */
function codedLookups(view: LookupView): Map<Node, CodedLookup | undefined> {
  const { graph, producers } = view
  const found = new Map<Node, CodedLookup | undefined>()
  for (const node of graph.nodes) {
    const table = looksUp(view, node) ? graph.constant(node.inputs[0]!, producers) : undefined
    if (!table || !['int8', 'uint8'].includes(table.dtype) || found.has(node)) continue
    const lookup = codedLookup(view, node)
    for (const part of lookup?.lookups ?? []) found.set(part, undefined)
    if (lookup) found.set(node, lookup)
  }
  return found
}

interface Scope {
  /** The main graph: it holds the constants. */
  graph: Graph
  /** Values in sight that hang on constants alone. */
  constant: ReadonlySet<string>
  producers: Map<string, Node>
  traced: ReadonlyMap<string, TracedValue>
}

/** Of a node with bodies, the weights that those read. */
function weightsOf(node: Node, scope: Scope): Weight[] {
  const { graph, constant, producers, traced } = scope
  const weights: Weight[] = []
  const add = (weight: Weight): void => {
    if (!weights.some((other) => other.value === weight.value)) weights.push(weight)
  }
  node.inputs.forEach((value, slot) => {
    if (!constant.has(value) || settingsOf(node).includes(slot) || scalesCodes(node, producers)) return
    describe(graph, producers, traced, node, slot).forEach(add)
  })
  for (const [, body] of node.subgraphs()) {
    const inner: Scope = {
      ...scope,
      constant: constantValues(body, constant),
      producers: new Map([...producers, ...body.producers()]),
    }
    for (const one of body.nodes)
      if (!one.outputs.every((output) => output === '' || inner.constant.has(output)))
        weightsOf(one, inner).forEach(add)
  }
  return weights
}

/** Scales of weights times that of an activation are numbers of the codes before them. */
const scalesCodes = (node: Node, producers: ReadonlyMap<string, Node>): boolean =>
  node.is('Mul') && node.inputs.some((input) => isScale(input, producers.get(input)))

const isScale = (value: string, producer: Node | undefined): boolean => {
  const at = producer && codeOperator(producer)?.givesScale
  return at !== undefined && producer!.outputs[at] === value
}

function describe(
  graph: Graph,
  producers: Map<string, Node>,
  traced: ReadonlyMap<string, TracedValue>,
  node: Node,
  slot: number,
): Weight[] {
  const value = node.inputs[slot]!
  const roots = rootsOf({ graph, producers }, value)
  const seen = traced.get(value)
  if (!seen && !graph.constant(value, producers)) return untraced(graph, producers, roots)
  const dtype = graph.constant(value, producers)?.dtype ?? seen?.dtype
  if (!dtype || (!isFloat(dtype) && !codeOperator(node)?.codes.includes(slot))) return []
  const parameters = elements(node, slot, graph, producers, seen)
  if (parameters === 0 || (parameters === 1 && !isLearned(node))) return []
  const stored = roots.map((root) => constantOf(graph, producers, root))
  const main = largest(stored)
  const beside = (codeOperator(node)?.settings ?? []).map((i) =>
    graph.constant(node.inputs[i] ?? '', producers),
  )
  const bytes = [...stored, ...beside].reduce((sum, tensor) => sum + (tensor?.byteLength ?? 0), 0)
  return [{ value, roots, parameters, bytes, dtype: main?.dtype ?? dtype }]
}

const constantOf = (graph: Graph, producers: Map<string, Node>, name: string): Tensor | undefined =>
  graph.initializers.get(name) ?? graph.constant(name, producers)

/** Of what no trace tells the size of, as in bodies: every float constant it is made from by Concat, Slice and the like. */
function untraced(graph: Graph, producers: Map<string, Node>, roots: readonly string[]): Weight[] {
  return roots.flatMap((root) => {
    const { dtype, size, byteLength } = constantOf(graph, producers, root) ?? NOTHING
    if (!isFloat(dtype) || size < 2) return []
    return [{ value: root, roots: [root], parameters: size, bytes: byteLength, dtype }]
  })
}

const NOTHING = { dtype: 'bool', size: 0, byteLength: 0 } as const

export const largest = (tensors: readonly (Tensor | undefined)[]): Tensor | undefined =>
  tensors.reduce((best, tensor) => ((tensor?.size ?? 0) > (best?.size ?? -1) ? tensor : best), undefined)

function codedWeight(
  graph: Graph,
  producers: Map<string, Node>,
  traced: ReadonlyMap<string, TracedValue>,
  { inputs: [table, ids] }: Node,
  { value, roots }: CodedLookup,
): Weight {
  const { dtype, dims } = graph.constant(table!, producers)!
  const stored = roots.map((root) => constantOf(graph, producers, root))
  const bytes = stored.reduce((sum, tensor) => sum + (tensor?.byteLength ?? 0), 0)
  const width = traced.get(value)?.dims.at(-1) ?? sizeOf(dims) / dims[0]!
  const rows = { value, ids: ids!, count: dims[0]! }
  return { value: table!, roots, parameters: dims[0]! * width, bytes, dtype, rows }
}

/** Elements of a weight; packed ones are counted unpacked. */
function elements(
  node: Node,
  slot: number,
  graph: Graph,
  producers: Map<string, Node>,
  seen: TracedValue | undefined,
): number {
  const size = graph.constant(node.inputs[slot]!, producers)?.size ?? sizeOf(seen?.dims ?? [])
  const operator = codeOperator(node)
  if (!operator?.codes.includes(slot)) return size
  return operator.elements?.(node, { size, dtype: seen?.dtype }) ?? size
}
