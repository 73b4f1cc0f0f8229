/**
 * The input of a layer as rows of a matrix, made by ONNX operators so that convolutions unfold inside the
 * runtime. Sources: ONNX Conv (output positions), Pad, Slice.
 */
import { Tensor, type Graph, type Node } from '../../onnx'
import type { Layer } from '../layer'
import { windowsOf } from '../windows'

/** Shapes at any batch. */
export interface LayerDims {
  input: readonly number[]
  output: readonly number[]
}

/** Appends nodes that turn `value`, an input of the layer, into X [groups, rows, inputs]; gives their value. */
export function appendInputRows(graph: Graph, layer: Layer, value: string, dims: LayerDims): string {
  const { groups, inputs } = layer.product
  if (layer.kind === 'matrix' || layer.kind === 'recurrent') return reshape(graph, value, [1, -1, inputs])
  const kernel = layer.tensor.dims.slice(2)
  const spatial = dims.output.slice(2)
  const taps = kernel.reduce((n, k) => n * k, 1)
  const unfolded =
    taps === 1 && isPlain(layer.node, spatial.length)
      ? value
      : unfold(graph, layer.node, value, dims.input, spatial, kernel)
  const positions = spatial.reduce((n, d) => n * d, 1)
  const grouped = reshape(graph, unfolded, [-1, groups, inputs, positions])
  const turned = op(graph, 'Transpose', [grouped], { perm: { ints: [1, 0, 3, 2] } })
  return reshape(graph, turned, [groups, -1, inputs])
}

/** The same of an output: Y [groups, rows, outputs]. */
export function appendOutputRows(graph: Graph, layer: Layer, value: string, dims: LayerDims): string {
  const { groups, outputs } = layer.product
  if (layer.kind === 'matrix') return reshape(graph, value, [1, -1, outputs])
  const positions = dims.output.slice(2).reduce((n, d) => n * d, 1)
  const grouped = reshape(graph, value, [-1, groups, outputs, positions])
  return reshape(graph, op(graph, 'Transpose', [grouped], { perm: { ints: [1, 0, 3, 2] } }), [
    groups,
    -1,
    outputs,
  ])
}

const isPlain = (node: Node, rank: number): boolean =>
  (node.ints('strides') ?? []).every((s) => s === 1) &&
  (node.ints('pads') ?? new Array<number>(2 * rank).fill(0)).every((p) => p === 0)

function op(
  graph: Graph,
  opType: string,
  inputs: string[],
  attributes: Parameters<Graph['addNode']>[0]['attributes'] = {},
): string {
  const output = graph.freshName(`rows_${opType}`)
  graph.addNode({ opType, inputs, outputs: [output], attributes })
  return output
}

const ints = (graph: Graph, values: readonly number[]): string =>
  graph.addInitializer('rows_shape', Tensor.int64(values))

const reshape = (graph: Graph, value: string, shape: readonly number[]): string =>
  op(graph, 'Reshape', [value, ints(graph, shape)])

/** [N, C, in…] → [N, C·taps, out…]: one strided slice a tap of the kernel. Needs opset 13. */
function unfold(
  graph: Graph,
  node: Node,
  value: string,
  inDims: readonly number[],
  spatial: readonly number[],
  kernel: readonly number[],
): string {
  const rank = kernel.length
  const { strides, dilations, before, after } = windowsOf(node, kernel, inDims.slice(2), spatial)
  const padded = [...before, ...after].some((p) => p > 0)
    ? op(graph, 'Pad', [value, ints(graph, [0, 0, ...before, 0, 0, ...after])])
    : value
  const axes = ints(
    graph,
    kernel.map((_, i) => i + 2),
  )
  const steps = ints(graph, strides)
  const column = ints(graph, [2])
  const taps: string[] = []
  const count = kernel.reduce((n, k) => n * k, 1)
  for (let tap = 0; tap < count; tap++) {
    const starts: number[] = []
    for (let axis = rank - 1, rest = tap; axis >= 0; axis--) {
      starts[axis] = (rest % kernel[axis]!) * dilations[axis]!
      rest = Math.floor(rest / kernel[axis]!)
    }
    const ends = starts.map((start, i) => start + (spatial[i]! - 1) * strides[i]! + 1)
    const slice = op(graph, 'Slice', [padded, ints(graph, starts), ints(graph, ends), axes, steps])
    taps.push(op(graph, 'Unsqueeze', [slice, column]))
  }
  const joined = taps.length === 1 ? taps[0]! : op(graph, 'Concat', taps, { axis: { int: 2 } })
  return reshape(graph, joined, [-1, inDims[1]! * count, ...spatial])
}
