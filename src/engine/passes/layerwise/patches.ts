/**
 * The input of a layer as rows of a matrix, made by ONNX operators so that convolutions unfold inside the
 * runtime. Sources: ONNX Conv (output positions), Pad, Slice.
 */
import { Tensor, type Graph, type Node } from '../../onnx'

/** A layer as a matrix product: rows X [groups, n, inputs] · W [groups, inputs, outputs]. */
export interface LinearShape {
  groups: number
  inputs: number
  outputs: number
}

export interface LinearLayer {
  node: Node
  kind: 'conv' | 'matrix'
  input: string
  weight: string
  output: string
  shape: LinearShape
}

/** Layers that are a product with a constant float32 matrix; undefined for all else. */
export function linearLayer(graph: Graph, node: Node): LinearLayer | undefined {
  const [input, weight] = node.inputs
  const tensor = weight ? graph.initializers.get(weight) : undefined
  if (!input || !weight || tensor?.dtype !== 'float32' || graph.initializers.has(input)) return undefined
  const base = { node, input, weight, output: node.outputs[0]! }
  if (node.is('Conv') && tensor.dims.length >= 3) {
    if (!['NOTSET', ''].includes(node.string('auto_pad', 'NOTSET')) && !isPointwise(tensor)) return undefined
    const groups = node.int('group', 1)
    return {
      ...base,
      kind: 'conv',
      shape: { groups, inputs: tensor.size / tensor.dims[0]!, outputs: tensor.dims[0]! / groups },
    }
  }
  if (tensor.dims.length !== 2) return undefined
  const plainGemm =
    node.is('Gemm') && !node.int('transA', 0) && node.float('alpha', 1) === 1 && node.float('beta', 1) === 1
  if (!node.is('MatMul') && !plainGemm) return undefined
  const [rows, cols] =
    node.is('Gemm') && node.int('transB', 0)
      ? [tensor.dims[1]!, tensor.dims[0]!]
      : [tensor.dims[0]!, tensor.dims[1]!]
  return { ...base, kind: 'matrix', shape: { groups: 1, inputs: rows, outputs: cols } }
}

const isPointwise = (tensor: Tensor): boolean => tensor.dims.slice(2).every((k) => k === 1)

/** W [groups, inputs, outputs], row-major, of a layer. */
export function weightRows(layer: LinearLayer, graph: Graph): Float32Array {
  const values = graph.initializers.get(layer.weight)!.floats()
  const { groups, inputs, outputs } = layer.shape
  if (layer.kind === 'matrix' && !layer.node.int('transB', 0)) return Float32Array.from(values)
  const out = new Float32Array(values.length)
  for (let g = 0; g < groups; g++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        out[(g * inputs + i) * outputs + o] = values[(g * outputs + o) * inputs + i]!
  return out
}

/** The initializer for rows W [groups, inputs, outputs]. */
export function tensorOfRows(layer: LinearLayer, graph: Graph, w: ArrayLike<number>): Tensor {
  const { dims } = graph.initializers.get(layer.weight)!
  const { groups, inputs, outputs } = layer.shape
  if (layer.kind === 'matrix' && !layer.node.int('transB', 0))
    return Tensor.float32(dims, Float32Array.from(w))
  const out = new Float32Array(w.length)
  for (let g = 0; g < groups; g++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        out[(g * outputs + o) * inputs + i] = w[(g * inputs + i) * outputs + o]!
  return Tensor.float32(dims, out)
}

/** Appends nodes that turn the layer's input into X [groups, rows, inputs]; gives their value. */
export function appendRows(
  graph: Graph,
  layer: LinearLayer,
  inDims: readonly number[],
  outDims: readonly number[],
): string {
  const { groups, inputs } = layer.shape
  if (layer.kind === 'matrix') return reshape(graph, layer.input, [1, -1, inputs])
  const kernel = graph.initializers.get(layer.weight)!.dims.slice(2)
  const spatial = outDims.slice(2)
  const taps = kernel.reduce((n, k) => n * k, 1)
  const unfolded =
    taps === 1 && isPlain(layer.node, spatial.length)
      ? layer.input
      : unfold(graph, layer, inDims, spatial, kernel)
  const positions = spatial.reduce((n, d) => n * d, 1)
  const grouped = reshape(graph, unfolded, [-1, groups, inputs, positions])
  const turned = op(graph, 'Transpose', [grouped], { perm: { ints: [1, 0, 3, 2] } })
  return reshape(graph, turned, [groups, -1, inputs])
}

/** The layer's output as Y [groups, rows, outputs]. */
export function appendOutputRows(
  graph: Graph,
  layer: LinearLayer,
  value: string,
  outDims: readonly number[],
  outputs: number,
): string {
  const { groups } = layer.shape
  if (layer.kind === 'matrix') return reshape(graph, value, [1, -1, outputs])
  const positions = outDims.slice(2).reduce((n, d) => n * d, 1)
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
  layer: LinearLayer,
  inDims: readonly number[],
  spatial: readonly number[],
  kernel: readonly number[],
): string {
  const rank = kernel.length
  const pads = layer.node.ints('pads') ?? new Array<number>(2 * rank).fill(0)
  const strides = layer.node.ints('strides') ?? kernel.map(() => 1)
  const dilations = layer.node.ints('dilations') ?? kernel.map(() => 1)
  const padded = pads.some((p) => p > 0)
    ? op(graph, 'Pad', [layer.input, ints(graph, [0, 0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank)])])
    : layer.input
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
