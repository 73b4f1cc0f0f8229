/** What a model would cost after a removal, without making it. */
import { encodedLength, type Graph, type Model, type Node } from '../../onnx'
import { macsOf } from '../../runtime/macs'
import type { TracedValue } from '../../runtime'
import type { ShapeSource } from './collect'
import type { Kept } from './remove'

export interface Cost {
  macs: number
  parameters: number
  bytes: number
}

/** Shapes as they would be. */
function shapesAfter(graph: Graph, source: ShapeSource, kept: Kept): Map<string, TracedValue> {
  const after = new Map<string, TracedValue>()
  for (const [name, value] of source.shapes)
    after.set(name, { ...value, dims: value.dims.map((length, axis) => kept(name, axis)?.length ?? length) })
  for (const node of graph.nodes) narrowGroups(node, source, after)
  return after
}

/** Axis 1 of a grouped kernel counts channels of one group. */
function narrowGroups(node: Node, source: ShapeSource, after: Map<string, TracedValue>): void {
  const groups = node.int('group', 1)
  if (!node.is('Conv', 'ConvTranspose') || groups === 1) return
  const [x, w] = node.inputs as [string, string]
  if (source.shapes.get(x)?.dims[1] === groups) return
  const channels = after.get(node.is('Conv') ? x : node.outputs[0]!)?.dims[1]
  const kernel = after.get(w)
  if (!channels || !kernel) return
  after.set(w, {
    ...kernel,
    dims: kernel.dims.map((length, axis) => (axis === 1 ? channels / groups : length)),
  })
}

/** A function of what stays: multiply-accumulates at batch 1, elements and bytes of the model file. */
export function costModel(model: Model, source: ShapeSource): (kept: Kept) => Cost {
  let shell = encodedLength(model)
  for (const tensor of model.graph.initializers.values()) shell -= tensor.byteLength
  return (kept) => {
    const shapes = shapesAfter(model.graph, source, kept)
    const cost: Cost = { macs: 0, parameters: 0, bytes: shell }
    for (const node of model.graph.nodes) cost.macs += macsOf(node, shapes) ?? 0
    for (const [name, tensor] of model.graph.initializers) {
      const size = shapes.get(name)?.dims.reduce((n, d) => n * d, 1) ?? tensor.size
      cost.parameters += size
      cost.bytes += Math.ceil((size * tensor.bits) / 8)
    }
    return cost
  }
}
