import { defineUnfusing } from './unfusing'

/** x/2 · (1 + erf(x/√2)) with x = A + B. */
export const biasGelu = defineUnfusing({
  op: 'com.microsoft:BiasGelu',
  sources: ['ONNX Runtime, ContribOperators.md, BiasGelu', 'arXiv:1606.08415'],
  write(site) {
    const [a, b] = site.node.inputs
    const x = site.add(a!, b!)
    const bent = site.op('Erf', [site.mul(x, site.floats(Math.SQRT1_2))])
    site.give(0, site.mul(site.mul(x, site.floats(0.5)), site.add(bent, site.floats(1))))
    return undefined
  },
})
