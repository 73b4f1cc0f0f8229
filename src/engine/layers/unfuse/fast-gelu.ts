import { defineUnfusing } from './unfusing'

/** x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))), of a sum with a bias where there is one. */
export const fastGelu = defineUnfusing({
  op: 'com.microsoft:FastGelu',
  sources: ['ONNX Runtime, ContribOperators.md, FastGelu', 'arXiv:1606.08415'],
  write(site) {
    const [value, bias] = site.node.inputs
    const x = bias ? site.add(value!, bias) : value!
    const cubic = site.mul(site.mul(site.mul(x, x), x), site.floats(0.044715))
    const bent = site.op('Tanh', [site.mul(site.add(x, cubic), site.floats(Math.sqrt(2 / Math.PI)))])
    site.give(0, site.mul(site.mul(x, site.floats(0.5)), site.add(bent, site.floats(1))))
    return undefined
  },
})
