import { attend, mergeHeads, repeatHeads, splitHeads } from './heads'
import { defineUnfusing } from './unfusing'

/** The operator of the ONNX standard, from operator set 23 on. */
export const standardAttention = defineUnfusing({
  op: 'Attention',
  sources: ['ONNX Attention', 'arXiv:1706.03762'],
  write(site) {
    const { node } = site
    const [query, key, value, mask, pastKey, pastValue, lengths] = node.inputs as [
      string,
      string,
      string,
      ...string[],
    ]
    if (site.isRead(3)) return 'its scores are read'
    if (lengths) return 'it has lengths of its own'
    const apart = site.dims(query).length === 4
    const heads = apart ? site.dims(query)[1]! : node.int('q_num_heads', 1)
    const few = apart ? site.dims(key)[1]! : node.int('kv_num_heads', 1)
    const split = (part: string, count: number): string => (apart ? part : splitHeads(site, part, count))
    const size = apart ? site.width(query) : site.width(query) / heads
    const valueSize = apart ? site.width(value) : site.width(value) / few
    const joined = (past: string | undefined, now: string): string =>
      past ? site.op('Concat', [past, now], { axis: { int: 2 } }) : now
    const k = joined(pastKey, split(key, few))
    const v = joined(pastValue, split(value, few))
    site.give(1, k)
    site.give(2, v)
    const isBool = mask ? !site.isFloat32(mask) : false
    const answer = attend(
      site,
      split(query, heads),
      repeatHeads(site, k, few, heads, size),
      repeatHeads(site, v, few, heads, valueSize),
      {
        scale: node.float('scale', 0) || 1 / Math.sqrt(size),
        softcap: node.float('softcap', 0),
        ...(mask && (isBool ? { mask } : { bias: mask })),
        causal: node.int('is_causal', 0)
          ? { past: pastKey ? site.length(pastKey, 2) : undefined }
          : undefined,
      },
    )
    site.give(0, apart ? answer : mergeHeads(site, answer))
    return undefined
  },
})
