/** The layers of a model, and why other nodes that could be one are none. */
import { dtypeOfCode, Tensor, type DType, type Graph, type Node } from '../onnx'
import { transposed } from '../math/quantize/rows'
import { ALL_OPS, kindOf, opOf } from './kinds'
import type { LayerKind } from './kinds/kind'
import { Layer, type WeightRoot } from './layer'

export interface FindOptions {
  /** Operators looked at, those of other domains as `domain:Op`; all kinds by default. */
  ops?: readonly string[]
  /** Weights read through Transpose and Cast count too: a head that is tied to an embedding. */
  throughViews?: boolean
  /** Those in the bodies of If, Loop and Scan count too, where their constants lie in the main graph (`liftConstants`). */
  bodies?: boolean
}

const WEIGHT_TYPES = new Set<DType>(['float32', 'float16', 'bfloat16'])

/** Operators that every pass knows. */
export const STANDARD_OPS = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'Gather'] as const

export interface NotALayer {
  /** First output of the node. */
  layer: string
  reason: string
}

/** In the order of the graph. */
export function findLayers(
  graph: Graph,
  options: FindOptions = {},
): { layers: Layer[]; skipped: NotALayer[] } {
  const { ops = ALL_OPS, bodies = false } = options
  const layers: Layer[] = []
  const skipped: NotALayer[] = []
  for (const { node, name, producers, within } of nodesIn(graph, bodies)) {
    if (!ops.includes(opOf(node))) continue
    for (const slot of kindOf(node)!.weights) {
      const found = layerAt(graph, node, slot, producers, options)
      if (found instanceof Layer) layers.push(within ? found.inside(name, within) : found)
      else if (found !== undefined) skipped.push({ layer: name, reason: found })
    }
  }
  return { layers, skipped }
}

export interface FoundNode {
  node: Node
  /** Its first output, after those of the nodes it lies within. */
  name: string
  /** The node of the main graph that it lies within. */
  within?: Node
  /** Of every value in its sight. */
  producers: Map<string, Node>
}

/** The nodes of a graph in order, and those of the bodies they hold. */
export function* nodesIn(
  graph: Graph,
  bodies: boolean,
  outer: { producers?: Map<string, Node>; prefix?: string; within?: Node } = {},
): Iterable<FoundNode> {
  const producers = new Map([...(outer.producers ?? []), ...graph.producers()])
  for (const node of graph.nodes) {
    const name = `${outer.prefix ?? ''}${node.outputs.find(Boolean) ?? node.label}`
    yield { node, name, within: outer.within, producers }
    if (!bodies) continue
    for (const [attribute, body] of node.subgraphs())
      yield* nodesIn(body, true, {
        producers,
        prefix: `${name}/${attribute}/`,
        within: outer.within ?? node,
      })
  }
}

/** Layers of all operators, or of some of them. */
export const weightedLayers = (graph: Graph, ops: readonly string[] = ALL_OPS): Layer[] =>
  findLayers(graph, { ops }).layers

/** Layers of all operators, those as well that read another's weight turned, as a head that is tied to an embedding. */
export const layersThroughViews = (graph: Graph): Layer[] => findLayers(graph, { throughViews: true }).layers

/** The layer of a node's first weight; why it has none, where something is to be said. */
export function layerOf(
  graph: Graph,
  node: Node,
  producers: Map<string, Node> = graph.producers(),
  options: FindOptions = {},
): Layer | string | undefined {
  const kind = kindOf(node)
  return kind && layerAt(graph, node, kind.weights[0]!, producers, options)
}

function layerAt(
  graph: Graph,
  node: Node,
  slot: number,
  producers: Map<string, Node>,
  { throughViews = false }: FindOptions,
): Layer | string | undefined {
  const type = kindOf(node)!
  const value = node.inputs[slot] ?? ''
  const found = weightOf(graph, value, producers, throughViews)
  if (!found) return type.seldom ? undefined : withoutWeight(graph, node, type, producers)
  const { tensor, root } = found
  const stored = [root.tensor.dtype, tensor.dtype].find((dtype) => !WEIGHT_TYPES.has(dtype))
  if (stored) return type.seldom ? undefined : `its weight is ${stored}`
  const geometry = type.geometry(node, tensor.dims, slot)
  if (typeof geometry === 'string') return geometry
  const biased = type.bias === undefined ? undefined : node.inputs[type.bias]
  const bias = biased ? { value: biased, tensor: graph.constant(biased, producers) } : undefined
  return new Layer({ node, type, slot, tensor, geometry, bias, root })
}

function withoutWeight(graph: Graph, node: Node, type: LayerKind, producers: Map<string, Node>): string {
  if (!node.is('MatMul')) return 'its weight is computed by the model'
  return graph.constant(node.inputs[type.input]!, producers)
    ? 'a constant times an activation'
    : 'a product of two activations'
}

/** The weight as it is read, and the constant it comes from. */
function weightOf(
  graph: Graph,
  value: string,
  producers: Map<string, Node>,
  throughViews: boolean,
): { tensor: Tensor; root: WeightRoot } | undefined {
  const constant = graph.constant(value, producers)
  if (constant) return { tensor: constant, root: { value, tensor: constant, flipped: false } }
  const node = producers.get(value)
  if (!throughViews || !node?.is('Identity', 'Cast', 'Transpose')) return undefined
  const inner = weightOf(graph, node.inputs[0]!, producers, true)
  if (!inner || !node.is('Transpose')) return inner && { ...inner, tensor: cast(node, inner.tensor) }
  const [rows, cols] = inner.tensor.dims
  const perm = node.ints('perm') ?? [1, 0]
  if (inner.tensor.dims.length !== 2 || perm[0] !== 1 || perm[1] !== 0) return undefined
  const { dtype } = inner.tensor
  const turn = (): Uint8Array =>
    Tensor.of(dtype, [cols!, rows!], transposed(inner.tensor.floats(), rows!, cols!)).bytes()
  return {
    tensor: Tensor.lazy(dtype, [cols!, rows!], turn),
    root: { ...inner.root, flipped: !inner.root.flipped },
  }
}

function cast(node: Node, tensor: Tensor): Tensor {
  const dtype = node.is('Cast') ? dtypeOfCode(node.int('to', 0)) : tensor.dtype
  if (!dtype || dtype === tensor.dtype) return tensor
  return Tensor.lazy(dtype, tensor.dims, () => Tensor.of(dtype, tensor.dims, tensor.floats()).bytes())
}
