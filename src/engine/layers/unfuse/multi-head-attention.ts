import { attend, biasOfMask, mergeHeads, splitHeads } from './heads'
import { defineUnfusing } from './unfusing'

/** Attention over queries, keys and values that are there already. */
export const multiHeadAttention = defineUnfusing({
  op: 'com.microsoft:MultiHeadAttention',
  sources: ['ONNX Runtime, ContribOperators.md, MultiHeadAttention', 'arXiv:1706.03762'],
  write(site) {
    const { node } = site
    const [query, key, value, bias, mask, added, pastKey, pastValue, pastLength] = node.inputs as [
      string,
      ...string[],
    ]
    if (!key || !value || site.dims(query).length !== 3) return 'its queries, keys and values are packed'
    if (pastLength || site.isRead(3)) return 'its cache is one buffer, or its scores are read'
    const heads = node.int('num_heads', 1)
    const apart = site.dims(key).length === 4
    const hidden = site.width(query)
    const widths = apart ? [hidden] : [hidden, site.width(key), site.width(value)]
    const biases = bias
      ? site.ops(
          'Split',
          [bias, site.ints(...(apart ? [hidden, hidden, site.width(bias) - 2 * hidden] : widths))],
          3,
        )
      : []
    const heard = (part: string, slot: number): string =>
      splitHeads(site, biases[slot] ? site.add(part, biases[slot]) : part, heads)
    const q = heard(query, 0)
    const joined = (past: string | undefined, now: string): string =>
      past ? site.op('Concat', [past, now], { axis: { int: 2 } }) : now
    const k = joined(pastKey, apart ? key : heard(key, 1))
    const v = joined(pastValue, apart ? value : heard(value, 2))
    site.give(1, k)
    site.give(2, v)
    const masked = mask
      ? biasOfMask(site, mask, site.dims(query)[0]!, k, node.float('mask_filter_value', -10000))
      : undefined
    if (typeof masked === 'string') return masked
    const terms = [added, masked?.bias].filter((term) => !!term) as string[]
    const answer = attend(site, q, k, v, {
      scale: node.float('scale', 0) || 1 / Math.sqrt(hidden / heads),
      bias: terms.length === 2 ? site.add(terms[0]!, terms[1]!) : terms[0],
      causal: node.int('unidirectional', 0)
        ? { past: pastKey ? site.length(pastKey, 2) : undefined }
        : undefined,
    })
    site.give(0, mergeHeads(site, answer))
    return undefined
  },
})
