import { Tensor } from '../../onnx'
import { defineEncoding } from './encoding'
import { castTo } from './nodes'

export const storedHalf = defineEncoding({
  id: 'float16',
  title: '16-bit floats',
  summary: 'Half precision in the file, brought back by a Cast when the model is loaded.',
  sources: ['IEEE 754', 'ONNX Cast'],
  tensors: {
    opset: 1,
    exact: false,
    /** Undefined where a value would overflow or vanish. */
    store(tensor) {
      const values = tensor.floats()
      if (!values.every((x) => Math.abs(x) < 60000 && (x === 0 || Math.abs(x) > 1e-7))) return undefined
      return {
        constants: { half: Tensor.of('float16', tensor.dims, values) },
        nodes: ({ half }, output) => [castTo('float32', half!, output)],
      }
    },
  },
})
