/**
 * Dynamic int8: weights are integers in the file, activations become integers batch by batch at run time.
 * Written with DynamicQuantizeLinear and MatMulInteger, which ONNX Runtime fuses to one kernel; Gemm is taken
 * apart into the same. Convolutions keep float arithmetic and store int8 weights: their dynamic kernel
 * (ConvInteger) is missing from many builds and 2–11 times slower than float where it is there.
 * Sources: ONNX DynamicQuantizeLinear, MatMulInteger; onnxruntime#3130, #15888.
 */
import { Tensor, type Graph } from '../../onnx'
import type { WeightedLayer } from './layers'

export interface IntegerConstants {
  codes: string
  scales: string
}

/** Activations already turned into integers, by name: readers of one value share them. */
export type Inputs = Map<string, { codes: string; scale: string; zeroPoint: string }>

/** MatMul(x, W) or Gemm(x, W, b) on integers. `weight` has codes int8 [K, N] and scales float32 [N] or []. */
export function dynamicProduct(
  graph: Graph,
  layer: WeightedLayer,
  weight: IntegerConstants,
  inputs: Inputs,
): void {
  const { node } = layer
  const name = (part: string): string => graph.freshName(`${layer.layer}_${part}`)
  const add = (opType: string, from: string[], output: string, attributes = {}): string => {
    graph.addNode(
      { opType, name: name(opType.toLowerCase()), inputs: from, outputs: [output], attributes },
      node,
    )
    return output
  }
  const source = node.inputs[0]!
  let input = inputs.get(source)
  if (!input) {
    input = { codes: name('codes'), scale: name('scale'), zeroPoint: name('zero_point') }
    const outputs = [input.codes, input.scale, input.zeroPoint]
    graph.addNode(
      { opType: 'DynamicQuantizeLinear', name: name('quantize'), inputs: [source], outputs },
      node,
    )
    inputs.set(source, input)
  }
  const product = add('MatMulInteger', [input.codes, weight.codes, input.zeroPoint], name('int32'))
  const float = add('Cast', [product], name('cast'), { to: { int: 1 } })
  const scale = add('Mul', [input.scale, weight.scales], name('product_scale'))
  const bias = node.is('Gemm') ? node.inputs[2] : undefined
  const value = add('Mul', [float, scale], bias ? name('product') : layer.layer)
  if (bias) add('Add', [value, bias], layer.layer)
  graph.removeNode(node)
}

/**
 * A float weight stored as int8 and multiplied out again by plain operators, which ONNX Runtime folds at load:
 * float speed, a quarter of the file.
 */
export function storedWeight(graph: Graph, layer: WeightedLayer, weight: IntegerConstants): void {
  const { node, tensor, axis } = layer
  const name = (part: string): string => graph.freshName(`${layer.weight}_${part}`)
  const perChannel = graph.initializers.get(weight.scales)!.size > 1
  const shape = tensor.dims.map((dim, i) => (i === axis && perChannel ? dim : 1))
  const before = node
  const floats = name('floats')
  const scales = name('channel_scales')
  const value = name('restored')
  const target = graph.addInitializer(`${layer.weight}_scale_shape`, Tensor.int64(shape))
  const add = (opType: string, inputs: string[], output: string, attributes = {}): void => {
    graph.addNode({ opType, name: name(opType.toLowerCase()), inputs, outputs: [output], attributes }, before)
  }
  add('Cast', [weight.codes], floats, { to: { int: 1 } })
  add('Reshape', [weight.scales, target], scales)
  add('Mul', [floats, scales], value)
  node.inputs = node.inputs.map((input) => (input === layer.weight ? value : input))
}
