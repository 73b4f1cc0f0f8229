/** Operators that act on each element by itself. Source: ONNX operator docs, Broadcasting in ONNX. */
import type { Node } from '../../../onnx'
import type { Rule, RuleContext } from '../relations'

/** Channel i of an input is channel i of the output wherever broadcasting lines their axes up. */
export function relateBroadcast(node: Node, c: RuleContext, inputs: readonly string[] = node.inputs): void {
  for (const output of node.outputs) {
    const out = c.dims(output)
    if (!out) continue
    for (const input of inputs) {
      const dims = c.dims(input)
      if (!dims) continue
      const shift = out.length - dims.length
      for (let axis = 0; axis < dims.length; axis++)
        if (dims[axis] === out[axis + shift]) c.same([input, axis], [output, axis + shift])
    }
  }
}

export const elementwise: Rule = {
  ops: [
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Pow',
    'Min',
    'Max',
    'Sum',
    'Mean',
    'Mod',
    'Where',
    'PRelu',
    'And',
    'Or',
    'Xor',
    'Equal',
    'Greater',
    'Less',
    'GreaterOrEqual',
    'LessOrEqual',
    'com.microsoft:BiasGelu',
  ],
  relate: relateBroadcast,
}

export const unary: Rule = {
  ops: [
    'Abs',
    'Acos',
    'Acosh',
    'Asin',
    'Asinh',
    'Atan',
    'Atanh',
    'Cast',
    'CastLike',
    'Ceil',
    'Celu',
    'Clip',
    'Cos',
    'Cosh',
    'Dropout',
    'Elu',
    'Erf',
    'Exp',
    'Floor',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'Identity',
    'IsInf',
    'IsNaN',
    'LeakyRelu',
    'Log',
    'Mish',
    'Neg',
    'Not',
    'Reciprocal',
    'Relu',
    'Round',
    'Selu',
    'Shrink',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
    'Softplus',
    'Softsign',
    'Sqrt',
    'Swish',
    'Tan',
    'Tanh',
    'ThresholdedRelu',
    'com.microsoft:FastGelu',
    'com.microsoft:Gelu',
    'com.microsoft:QuickGelu',
  ],
  relate: (node, c) => relateBroadcast(node, c, [node.inputs[0]!]),
}

/** Scale and zero point follow the channels they belong to. Source: ONNX QuantizeLinear, DequantizeLinear. */
export const quantize: Rule = {
  ops: [
    'QuantizeLinear',
    'DequantizeLinear',
    'com.microsoft:QuantizeLinear',
    'com.microsoft:DequantizeLinear',
  ],
  relate(node, c) {
    const [x, scale, zero] = node.inputs
    const dims = c.dims(x)
    const scaleDims = c.dims(scale)
    if (!x || !dims || !scaleDims || scaleDims.length > 1) return
    const axis = node.int('axis', 1)
    relateBroadcast(node, c, [x])
    const perChannel = scaleDims.length === 1 && scaleDims[0]! > 1
    if (!perChannel) return
    for (const vector of [scale, zero]) if (vector && c.dims(vector)) c.same([vector, 0], [x, axis])
  },
}
