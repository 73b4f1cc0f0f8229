/**
 * XᵀX and XᵀY of a layer, batch by batch, in the runtime: convolutions unfold there, and memory does not grow
 * with samples.
 */
import { Model, Tensor, type Graph } from '../../onnx'
import { BY_TURNS, openSession, type Value } from '../../runtime'
import { appendOutputRows, appendRows, type LinearLayer } from './patches'

/** Sums of one batch, groups behind each other. */
export interface Products {
  /** [groups, inputs, inputs] */
  xx: Float32Array
  /** [groups, inputs] */
  x: Float32Array
  /** [groups, inputs, targets], where targets were asked for. */
  xy?: Float32Array
  y?: Float32Array
  yy?: Float32Array
  rows: number
}

export interface ProductSession {
  /** `x` is the layer's input; `y` a target shaped like its output. */
  add(x: Value, y?: Value): Promise<Products>
  release(): Promise<void>
}

export interface ProductShape {
  /** Of the layer's input and output at any batch. */
  inDims: readonly number[]
  outDims: readonly number[]
  /** Columns of the target in each group; absent where only XᵀX is wanted. */
  targets?: number
}

/** Names that no model's own can clash with. */
const INPUT = 'pare:input'
const TARGET = 'pare:target'
const WEIGHT = 'pare:weight'

/** A session of its own: the model's opset and its other layers do not matter. */
export async function openProducts(
  layer: LinearLayer,
  weight: Tensor,
  shape: ProductShape,
): Promise<ProductSession> {
  const { model, positions } = productModel({ ...layer, input: INPUT, weight: WEIGHT }, weight, shape)
  const session = await openSession(model, BY_TURNS)
  return {
    async add(x, y) {
      const out = await session.run(y ? { [INPUT]: x, [TARGET]: y } : { [INPUT]: x })
      const floats = (name: string): Float32Array | undefined => out[name]?.data as Float32Array | undefined
      const samples =
        layer.kind === 'conv' ? x.dims[0]! * positions : x.dims.slice(0, -1).reduce((n, d) => n * d, 1)
      return {
        xx: floats('xx')!,
        x: floats('x')!,
        xy: floats('xy'),
        y: floats('y'),
        yy: floats('yy'),
        rows: samples,
      }
    },
    release: () => session.release(),
  }
}

function productModel(
  layer: LinearLayer,
  weight: Tensor,
  { inDims, outDims, targets }: ProductShape,
): { model: Model; positions: number } {
  const model = new Model()
  model.irVersion = 8
  model.opsets.set('', 17)
  const { graph } = model
  graph.inputs.push({ name: layer.input, dtype: 'float32', dims: inDims.map(() => null) })
  // Only the kernel's shape is looked at.
  graph.initializers.set(layer.weight, weight)
  const x = appendRows(graph, layer, inDims, outDims)
  const axes = graph.addInitializer('row_axis', Tensor.int64([1]))
  appendProduct(graph, x, x, 'xx')
  appendSum(graph, x, axes, 'x')
  if (targets !== undefined) {
    graph.inputs.push({ name: TARGET, dtype: 'float32', dims: outDims.map(() => null) })
    const y = appendOutputRows(graph, layer, TARGET, outDims, targets)
    appendProduct(graph, x, y, 'xy')
    appendSum(graph, y, axes, 'y')
    const squared = graph.freshName('squared')
    graph.addNode({ opType: 'Mul', inputs: [y, y], outputs: [squared] })
    appendSum(graph, squared, axes, 'yy')
  }
  graph.initializers.delete(layer.weight)
  return { model, positions: outDims.slice(2).reduce((n, d) => n * d, 1) }
}

function appendProduct(graph: Graph, a: string, b: string, output: string): void {
  const turned = graph.freshName('turned')
  graph.addNode({
    opType: 'Transpose',
    inputs: [a],
    outputs: [turned],
    attributes: { perm: { ints: [0, 2, 1] } },
  })
  graph.addNode({ opType: 'MatMul', inputs: [turned, b], outputs: [output] })
  graph.outputs.push({ name: output, dtype: 'float32' })
}

function appendSum(graph: Graph, value: string, axes: string, output: string): void {
  graph.addNode({
    opType: 'ReduceSum',
    inputs: [value, axes],
    outputs: [output],
    attributes: { keepdims: { int: 0 } },
  })
  graph.outputs.push({ name: output, dtype: 'float32' })
}
