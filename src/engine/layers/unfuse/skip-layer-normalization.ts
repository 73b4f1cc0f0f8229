import { defineUnfusing, type Site, type Unfusing } from './unfusing'

/** Statistics as outputs are for training, and CPUs give none. */
const givesStatistics = (site: Site): boolean => site.isRead(1) || site.isRead(2)

/** A sum of two values and a bias, handed out as well, and its normalization. */
export const skipLayerNormalization: Unfusing = defineUnfusing({
  op: 'com.microsoft:SkipLayerNormalization',
  sources: ['ONNX Runtime, ContribOperators.md, SkipLayerNormalization'],
  write(site) {
    if (givesStatistics(site)) return 'its statistics are read'
    const [x, skip, gamma, beta, bias] = site.node.inputs
    const sum = site.add(x!, skip!)
    const whole = bias ? site.add(sum, bias) : sum
    const epsilon = { float: site.node.float('epsilon', 1e-12) }
    site.give(0, site.op('LayerNormalization', beta ? [whole, gamma, beta] : [whole, gamma], { epsilon }))
    site.give(3, whole)
    return undefined
  },
})

/** The same by the root of the mean square. */
export const skipSimplifiedLayerNormalization: Unfusing = defineUnfusing({
  op: 'com.microsoft:SkipSimplifiedLayerNormalization',
  sources: ['ONNX Runtime, ContribOperators.md, SkipSimplifiedLayerNormalization', 'arXiv:1910.07467'],
  write(site) {
    if (givesStatistics(site)) return 'its statistics are read'
    const [x, skip, gamma, bias] = site.node.inputs
    const sum = site.add(x!, skip!)
    const whole = bias ? site.add(sum, bias) : sum
    const epsilon = { float: site.node.float('epsilon', 1e-12) }
    site.give(0, site.op('SimplifiedLayerNormalization', [whole, gamma], { epsilon, axis: { int: -1 } }))
    site.give(3, whole)
    return undefined
  },
})
