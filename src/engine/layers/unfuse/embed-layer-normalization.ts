import { defineUnfusing } from './unfusing'

/** Embeddings of words, positions and segments, summed and normalized. */
export const embedLayerNormalization = defineUnfusing({
  op: 'com.microsoft:EmbedLayerNormalization',
  sources: ['ONNX Runtime, ContribOperators.md, EmbedLayerNormalization', 'arXiv:1810.04805'],
  write(site) {
    const { node } = site
    const [ids, segments, words, positions, kinds, gamma, beta, mask, places] = node.inputs
    const word = site.op('Gather', [words, ids])
    const at = places ? places : site.count(site.length(ids!, 1))
    let sum = site.add(word, site.op('Gather', [positions, at]))
    if (segments && kinds) sum = site.add(sum, site.op('Gather', [kinds, segments]))
    site.give(
      0,
      site.op('LayerNormalization', [sum, gamma, beta], { epsilon: { float: node.float('epsilon', 1e-12) } }),
    )
    site.give(2, sum)
    if (!site.isRead(1)) return undefined
    if (!mask) return 'lengths are read that no mask gives'
    const sums = site.op('ReduceSum', [site.op('Cast', [mask], { to: { int: 7 } }), site.ints(1)], {
      keepdims: { int: 0 },
    })
    site.give(1, site.op('Cast', [sums], { to: { int: 6 } }))
    return undefined
  },
})
