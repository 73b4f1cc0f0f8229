import { attend, mergeHeads, repeatHeads, splitHeads } from './heads'
import { rotate } from './rotary-embedding'
import { defineUnfusing } from './unfusing'

/** Causal attention whose keys and values have fewer heads than the queries, without what came before. */
export const groupQueryAttention = defineUnfusing({
  op: 'com.microsoft:GroupQueryAttention',
  sources: ['ONNX Runtime, ContribOperators.md, GroupQueryAttention', 'arXiv:2305.13245'],
  write(site) {
    const { node } = site
    const [query, key, value, pastKey, pastValue, , , cos, sin, ...rest] = node.inputs as [
      string,
      ...string[],
    ]
    if (!key || !value) return 'its queries, keys and values are packed'
    // A cache may be longer than what is in it, which only lengths tell that differ from row to row.
    if (pastKey || pastValue) return 'its cache may be longer than what is in it'
    if (rest.some(Boolean)) return 'it has places, a bias or a sink of its own'
    if (node.int('local_window_size', -1) > 0) return 'it sees a window'
    if (node.int('smooth_softmax', 0)) return 'its softmax is smoothed'
    const [heads, few] = [node.int('num_heads', 1), node.int('kv_num_heads', 1)]
    const size = site.width(query) / heads
    let [q, k] = [splitHeads(site, query, heads), splitHeads(site, key, few)]
    const v = splitHeads(site, value, few)
    if (node.int('do_rotary', 0)) {
      const places = site.count(site.length(query, 1))
      const how = { cos: cos!, sin: sin!, places, interleaved: node.int('rotary_interleaved', 0) !== 0, size }
      ;[q, k] = [rotate(site, q, how), rotate(site, k, how)]
    }
    site.give(1, k)
    site.give(2, v)
    const [keys, values] = [k, v].map((part) => repeatHeads(site, part, few, heads, size))
    const answer = attend(site, q, keys!, values!, {
      scale: node.float('scale', 0) || 1 / Math.sqrt(size),
      softcap: node.float('softcap', 0),
      causal: {},
    })
    site.give(0, mergeHeads(site, answer))
    return undefined
  },
})
