import { attend, biasOfMask, mergeHeads, splitHeads } from './heads'
import { defineUnfusing } from './unfusing'

/** Queries, keys and values by one product, and attention over them; what came before is joined to keys and values. */
export const attention = defineUnfusing({
  op: 'com.microsoft:Attention',
  sources: ['ONNX Runtime, ContribOperators.md, Attention', 'arXiv:1706.03762'],
  write(site) {
    const { node } = site
    const [x, weight, bias, mask, past, added, pastLength] = node.inputs as [string, string, ...string[]]
    if (node.int('do_rotary', 0)) return 'it turns its features itself'
    if (node.int('past_present_share_buffer', 0) || pastLength) return 'its cache is one buffer'
    const heads = node.int('num_heads', 1)
    const whole = site.width(weight)
    const sizes = node.ints('qkv_hidden_sizes') ?? [whole / 3, whole / 3, whole / 3]
    const product = site.op('MatMul', [x, weight])
    const shifted = bias ? site.add(product, bias) : product
    const parts = site.ops('Split', [shifted, site.ints(...sizes)], 3, { axis: { int: -1 } })
    const [q, k0, v0] = parts.map((part) => splitHeads(site, part, heads)) as [string, string, string]
    const before = (index: number, value: string): string =>
      past
        ? site.op('Concat', [site.op('Gather', [past, site.int(index)]), value], { axis: { int: 2 } })
        : value
    const [k, v] = [before(0, k0), before(1, v0)]
    if (site.isRead(1))
      site.give(1, site.op('Concat', [site.unsqueeze(k, 0), site.unsqueeze(v, 0)], { axis: { int: 0 } }))
    const masked = mask
      ? biasOfMask(site, mask, site.dims(x)[0]!, k, node.float('mask_filter_value', -10000))
      : undefined
    if (typeof masked === 'string') return masked
    const terms = [added, masked?.bias].filter((term) => !!term) as string[]
    const scale = node.float('scale', 0) || 1 / Math.sqrt(sizes[0]! / heads)
    const answer = attend(site, q, k, v, {
      scale,
      bias: terms.length === 2 ? site.add(terms[0]!, terms[1]!) : terms[0],
      causal: node.int('unidirectional', 0)
        ? { past: past ? site.op('Sub', [site.length(k, 2), site.length(q, 2)]) : undefined }
        : undefined,
    })
    site.give(0, mergeHeads(site, answer))
    return undefined
  },
})
