/**
 * XᵀX and XᵀY of a layer, batch by batch, in the runtime: convolutions unfold there, and memory does not grow
 * with samples.
 */
import { Model, Tensor, type Graph } from '../../onnx'
import { BY_TURNS, openSession, type Value } from '../../runtime'
import type { Layer } from '../layer'
import { appendInputRows, appendOutputRows, type LayerDims } from './rows'

/** Sums of one batch, groups behind each other. */
export interface Products {
  /** [groups, inputs, inputs] */
  xx: Float32Array
  /** [groups, inputs] */
  x: Float32Array
  /** [groups, inputs, targets], where there is a target. */
  xy?: Float32Array
  y?: Float32Array
  yy?: Float32Array
  rows: number
}

export interface ProductSession {
  /** `x` is the layer's input; `y` the target. */
  add(x: Value, y?: Value): Promise<Products>
  release(): Promise<void>
}

const INPUT = 'input'
const TARGET = 'target'

/** With a target, which is shaped like the layer's output or its input, or for XᵀX alone. */
export async function openProducts(
  layer: Layer,
  dims: LayerDims,
  shaped?: keyof LayerDims,
): Promise<ProductSession> {
  const session = await openSession(productModel(layer, dims, shaped), BY_TURNS)
  const positions = dims.output.slice(2).reduce((n, d) => n * d, 1)
  return {
    async add(x, y) {
      const out = await session.run(y ? { [INPUT]: x, [TARGET]: y } : { [INPUT]: x })
      const floats = (name: string): Float32Array | undefined => out[name]?.data as Float32Array | undefined
      const rows =
        layer.kind === 'conv' ? x.dims[0]! * positions : x.dims.slice(0, -1).reduce((n, d) => n * d, 1)
      return {
        xx: floats('xx')!,
        x: floats('x')!,
        xy: floats('xy'),
        y: floats('y'),
        yy: floats('yy'),
        rows,
      }
    },
    release: () => session.release(),
  }
}

/** A model of its own: the opset of the layer's does not matter. */
function productModel(layer: Layer, dims: LayerDims, shaped?: keyof LayerDims): Model {
  const model = new Model()
  model.irVersion = 8
  model.opsets.set('', 17)
  const { graph } = model
  graph.inputs.push({ name: INPUT, dtype: 'float32', dims: dims.input.map(() => null) })
  const x = appendInputRows(graph, layer, INPUT, dims)
  const axes = graph.addInitializer('row_axis', Tensor.int64([1]))
  appendProduct(graph, x, x, 'xx')
  appendSum(graph, x, axes, 'x')
  if (shaped) {
    graph.inputs.push({ name: TARGET, dtype: 'float32', dims: dims[shaped].map(() => null) })
    const append = shaped === 'output' ? appendOutputRows : appendInputRows
    const y = append(graph, layer, TARGET, dims)
    appendProduct(graph, x, y, 'xy')
    appendSum(graph, y, axes, 'y')
    const squared = graph.freshName('squared')
    graph.addNode({ opType: 'Mul', inputs: [y, y], outputs: [squared] })
    appendSum(graph, squared, axes, 'yy')
  }
  return model
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
