/** Small networks that are written as C. */
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { Net } from '../../passes/pruning/build'

/** Convolutions, a depthwise one, normalization, a residual, pools and a product. */
export function separable(width = 8): Model {
  const net = new Net(5)
  const x = net.input('x', ['batch', 3, 16, 16])
  const a = net.relu(net.norm(net.conv(x, 3, width, 3, { stride: 2 }), width))
  const b = net.relu(net.conv(a, width, width, 3, { group: width }))
  const sum = net.op('Add', [net.conv(b, width, width, 1), a])
  const pooled = net.op('GlobalAveragePool', [sum])
  const flat = net.op('Flatten', [pooled])
  const y = net.op(
    'Softmax',
    [net.op('Gemm', [flat, net.weight([5, width]), net.weight([5])], { transB: { int: 1 } })],
    { axis: { int: 1 } },
  )
  return net.output(y, 2).model
}

/** A weight replaced by one that its values say more of. */
export function coded(model: Model, code: (value: number, i: number, cols: number) => number): Model {
  const copy = model.clone()
  for (const [name, tensor] of copy.graph.initializers)
    if (tensor.dtype === 'float32' && tensor.dims.length > 1)
      copy.graph.initializers.set(
        name,
        Tensor.float32(
          tensor.dims,
          tensor.floats().map((value, i) => code(value, i, tensor.size / tensor.dims[0]!)),
        ),
      )
  return copy
}
