import type { Attributes } from './unfusing'
import { defineUnfusing } from './unfusing'

/** The attributes that `activation_params` stand for, in their order. */
const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = {
  Relu: [],
  Sigmoid: [],
  Tanh: [],
  LeakyRelu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  Clip: ['min', 'max'],
}

/** A convolution, a sum where there is one, and what bends it. */
export const fusedConv = defineUnfusing({
  op: 'com.microsoft:FusedConv',
  sources: ['ONNX Runtime, ContribOperators.md, FusedConv'],
  write(site) {
    const { node } = site
    const activation = node.string('activation', '')
    const names = ACTIVATIONS[activation]
    if (activation !== '' && !names) return `its activation ${activation} is not known`
    const [x, w, bias, sum] = node.inputs
    const own = ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides']
    const attributes: Attributes = Object.fromEntries(
      own.flatMap((name) => {
        const value = node.attributes.get(name)
        return value ? [[name, value]] : []
      }),
    )
    const made = site.op('Conv', bias ? [x, w, bias] : [x, w], attributes)
    const added = sum ? site.add(made, sum) : made
    if (!names) {
      site.give(0, added)
      return undefined
    }
    const params = node.floats('activation_params') ?? []
    const given = names.map((name, i) => [name, params[i]] as const)
    if (given.some(([, value]) => value === undefined)) return 'parameters of its activation are missing'
    const bounds = activation === 'Clip' ? given.map(([, value]) => site.floats(value!)) : []
    const how = Object.fromEntries(given.map(([name, value]) => [name, { float: value! }]))
    site.give(0, site.op(activation, [added, ...bounds], activation === 'Clip' ? {} : how))
    return undefined
  },
})
