/** Where channels stand in the weights of layers: along which axis of which constant they are made and read. */
import { findLayers, type NotALayer } from '../../layers/find'
import type { Layer } from '../../layers/layer'
import type { Graph, Node } from '../../onnx'

export interface Place {
  /** First output of the node. */
  layer: string
  /** Index of the node in the graph. */
  node: number
  value: string
  axis: number
  /** Indices that one channel takes where it is more than one: those of its gates. */
  each?: number
}

export interface WeightPlaces {
  makes: Place[]
  reads: Place[]
  /** Layers and products that are none, in the order of the graph. */
  layers: Layer[]
  skipped: NotALayer[]
}

export function weightPlaces(graph: Graph): WeightPlaces {
  const { layers, skipped } = findLayers(graph, { throughViews: true })
  const index = new Map(graph.nodes.map((node, i) => [node, i]))
  const places: WeightPlaces = { makes: [], reads: [], layers, skipped }
  for (const layer of layers) {
    const node = index.get(layer.node)!
    const { inAxis, outAxis, groups, parts = [] } = layer.geometry
    const gates = layer.kind === 'recurrent' ? parts.length / layer.tensor.dims[0]! : undefined
    const at = (axis: number): Place => ({
      layer: layer.name,
      node,
      value: layer.root.value,
      axis: layer.root.flipped ? 1 - axis : axis,
    })
    places.reads.push(...(layer.kind === 'embedding' ? [] : [at(inAxis)]))
    if (layer.kind === 'embedding') places.makes.push(at(inAxis))
    else if (layer.kind !== 'conv-transpose' || groups === 1)
      places.makes.push({ ...at(outAxis), each: gates })
    // Outputs of a grouped one count within their group; of a depthwise one they go with the input, else the bias has them.
    else if (groups === layer.tensor.dims[0]) places.makes.push(at(0))
    else if (layer.bias) places.makes.push({ ...at(0), value: layer.bias.value })
  }
  for (const [i, node] of graph.nodes.entries()) addLeft(graph, node, i, places)
  return places
}

/** A weight on the left multiplies columns: its rows are the channels made. */
function addLeft(graph: Graph, node: Node, index: number, { makes, reads }: WeightPlaces): void {
  const [value, other] = node.inputs
  const rank = node.is('MatMul') ? (graph.initializers.get(value!)?.dims.length ?? 0) : 0
  if (rank < 2 || graph.initializers.has(other!)) return
  const place = { layer: node.outputs[0]!, node: index, value: value! }
  makes.push({ ...place, axis: rank - 2 })
  reads.push({ ...place, axis: rank - 1 })
}
