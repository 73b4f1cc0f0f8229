/**
 * Dynamic int8: weights are integers in the file, activations become integers batch by batch at run time.
 * Written with DynamicQuantizeLinear and MatMulInteger, which ONNX Runtime fuses to one kernel; Gemm is taken
 * apart into the same. Convolutions keep float arithmetic and store int8 weights: their dynamic kernel
 * (ConvInteger) is missing from many builds and 2–11 times slower than float where it is there.
 * Sources: ONNX DynamicQuantizeLinear, MatMulInteger; onnxruntime#3130, #15888.
 */
import { nodesBefore, readInstead } from '../../layers/rewrite'
import { Tensor, type Graph } from '../../onnx'
import type { Layer } from '../../layers/layer'

export interface IntegerConstants {
  codes: string
  scales: string
}

/** Activations already turned into integers, by name: readers of one value share them. */
export type Inputs = Map<string, { codes: string; scale: string; zeroPoint: string }>

/** MatMul(x, W) or Gemm(x, W, b) on integers. `weight` has codes int8 [K, N] and scales float32 [N] or []. */
export function dynamicProduct(graph: Graph, layer: Layer, weight: IntegerConstants, inputs: Inputs): void {
  const { node } = layer
  const { fresh, add } = nodesBefore(graph, node, layer.name)
  const source = node.inputs[0]!
  let input = inputs.get(source)
  if (!input) {
    input = { codes: fresh('codes'), scale: fresh('scale'), zeroPoint: fresh('zero_point') }
    const outputs = [input.codes, input.scale, input.zeroPoint]
    graph.addNode(
      { opType: 'DynamicQuantizeLinear', name: fresh('quantize'), inputs: [source], outputs },
      node,
    )
    inputs.set(source, input)
  }
  const product = add('MatMulInteger', [input.codes, weight.codes, input.zeroPoint], fresh('int32'))
  const float = add('Cast', [product], fresh('cast'), { to: { int: 1 } })
  const scale = add('Mul', [input.scale, weight.scales], fresh('product_scale'))
  const bias = node.is('Gemm') ? node.inputs[2] : undefined
  const value = add('Mul', [float, scale], bias ? fresh('product') : layer.name)
  if (bias) add('Add', [value, bias], layer.name)
  graph.removeNode(node)
}

/** Restored weights that layers in bodies share, by what they are restored from. */
export type Restored = Map<string, string>

/**
 * A float weight stored as int8 and multiplied out again by plain operators, which ONNX Runtime folds at load:
 * float speed, a quarter of the file. They lie in the main graph, where all bodies that read the weight see it.
 */
export function storedWeight(graph: Graph, layer: Layer, weight: IntegerConstants, shared: Restored): void {
  const { node, tensor, axis } = layer
  const key = `${weight.codes} along ${axis}`
  const restored = layer.within && shared.get(key)
  if (restored !== undefined) return readInstead(layer, restored)
  const { fresh, add } = nodesBefore(graph, node, layer.weight)
  const perChannel = graph.initializers.get(weight.scales)!.size > 1
  const shape = tensor.dims.map((dim, i) => (i === axis && perChannel ? dim : 1))
  const target = graph.addInitializer(`${layer.weight}_scale_shape`, Tensor.int64(shape))
  const floats = add('Cast', [weight.codes], fresh('floats'), { to: { int: 1 } })
  const scales = add('Reshape', [weight.scales, target], fresh('channel_scales'))
  const value = add('Mul', [floats, scales], fresh('restored'))
  shared.set(key, value)
  readInstead(layer, value)
}
