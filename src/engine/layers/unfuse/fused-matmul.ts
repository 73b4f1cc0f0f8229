import { defineUnfusing } from './unfusing'

/** α · op(A) · op(B), whose last two axes may be turned. */
export const fusedMatMul = defineUnfusing({
  op: 'com.microsoft:FusedMatMul',
  sources: ['ONNX Runtime, ContribOperators.md, FusedMatMul'],
  write(site) {
    const { node } = site
    if (node.int('transBatchA', 0) || node.int('transBatchB', 0)) return 'its first axes are turned as well'
    const [a, b] = (['transA', 'transB'] as const).map((turned, slot) => {
      const value = node.inputs[slot]!
      const rank = site.dims(value).length
      if (!node.int(turned, 0) || rank < 2) return value
      const first = Array.from({ length: rank - 2 }, (_, axis) => axis)
      return site.transpose(value, ...first, rank - 1, rank - 2)
    })
    const product = site.op('MatMul', [a, b])
    const alpha = node.float('alpha', 1)
    site.give(0, alpha === 1 ? product : site.mul(product, site.floats(alpha)))
    return undefined
  },
})
