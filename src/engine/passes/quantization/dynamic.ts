/**
 * Dynamic int8: weights are integers in the file, activations become integers batch by batch at run time.
 * Written with DynamicQuantizeLinear and MatMulInteger, which ONNX Runtime fuses to one kernel; Gemm is taken
 * apart into the same. Convolutions keep float arithmetic and store int8 weights: their dynamic kernel
 * (ConvInteger) is missing from many builds and 2–11 times slower than float where it is there.
 * Sources: ONNX DynamicQuantizeLinear, MatMulInteger; onnxruntime#3130, #15888.
 */
import { nodesBefore, readInstead } from '../../layers/rewrite'
import { transposed } from '../../math/quantize/rows'
import { Tensor, type Graph, type Node } from '../../onnx'
import type { Layer } from '../../layers/layer'

interface IntegerConstants {
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

/**
 * LSTM(x, W, R, …) with its products on integers, which ONNX Runtime packs once and whose state it quantizes step by step.
 * Codes are int8 [directions, 4 · hidden, inputs], scales float32 [directions · 4 · hidden] or []. Source:
 * com.microsoft DynamicQuantizeLSTM.
 */
export function dynamicLstm(graph: Graph, node: Node, weights: readonly IntegerConstants[]): void {
  const settings = weights.flatMap(({ codes, scales }, i) => {
    const { dims } = graph.initializers.get(codes)!
    const [directions, height, width] = dims as [number, number, number]
    const bytes = graph.initializers.get(codes)!.bytes()
    const size = height * width
    const turned = Array.from({ length: directions }, (_, d) =>
      transposed(bytes.subarray(d * size, (d + 1) * size), height, width),
    )
    const laid = Tensor.fromBytes('int8', [directions, width, height], Buffer.concat(turned))
    node.inputs[i + 1] = graph.addInitializer(`${codes}_turned`, laid)
    const values = graph.initializers.get(scales)!.floats()
    const shape = values.length > 1 ? [directions, height] : [directions]
    const each = values.length > 1 ? values : new Float32Array(directions).fill(values[0]!)
    return [
      graph.addInitializer(`${codes}_scale`, Tensor.float32(shape, each)),
      graph.addInitializer(`${codes}_zero`, Tensor.fromBytes('int8', shape, new Uint8Array(each.length))),
    ]
  })
  while (node.inputs.length < PEEPHOLES + 1) node.inputs.push('')
  node.inputs.push(...settings)
  node.opType = 'DynamicQuantizeLSTM'
  node.domain = 'com.microsoft'
}

/** The last input of LSTM; scales and zero points of W and R follow it. */
const PEEPHOLES = 7

/** Restored weights that layers in bodies share, by what they are restored from. */
export type Restored = Map<string, string>

/**
 * A float weight stored as int8 and multiplied out again by plain operators, which ONNX Runtime folds at load:
 * float speed, a quarter of the file. They lie in the main graph, where all bodies that read the weight see it.
 */
export function storedWeight(graph: Graph, layer: Layer, weight: IntegerConstants, shared: Restored): void {
  const { node, tensor, axis, kind } = layer
  const key = `${weight.codes} along ${axis}`
  const restored = layer.within && shared.get(key)
  if (restored !== undefined) return readInstead(layer, restored)
  const { fresh, add } = nodesBefore(graph, node, layer.weight)
  const perChannel = graph.initializers.get(weight.scales)!.size > 1
  const isChannel = (i: number): boolean => i === axis || (kind === 'recurrent' && i < axis)
  const shape = tensor.dims.map((dim, i) => (isChannel(i) && perChannel ? dim : 1))
  const target = graph.addInitializer(`${layer.weight}_scale_shape`, Tensor.int64(shape))
  const floats = add('Cast', [weight.codes], fresh('floats'), { to: { int: 1 } })
  const scales = add('Reshape', [weight.scales, target], fresh('channel_scales'))
  const value = add('Mul', [floats, scales], fresh('restored'))
  shared.set(key, value)
  readInstead(layer, value)
}
