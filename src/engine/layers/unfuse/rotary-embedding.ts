import { mergeHeads, splitHeads } from './heads'
import { defineUnfusing, type Site } from './unfusing'

/**
 * Turns pairs of features of [batch, heads, length, size] by the angle of their place; `cos` and `sin` [places, pairs],
 * `places` [batch, length] or [length]. Features beyond the pairs stay. Source: arXiv:2104.09864.
 */
export function rotate(
  site: Site,
  value: string,
  {
    cos,
    sin,
    places,
    interleaved,
    size,
  }: { cos: string; sin: string; places: string; interleaved: boolean; size: number },
): string {
  const pairs = site.width(cos)
  // [batch, length, pairs] or [length, pairs]; heads come before the length.
  const [c, s] = [cos, sin].map((table) => site.unsqueeze(site.op('Gather', [table, places]), -3))
  const turned = site.slice(value, 3, 0, 2 * pairs)
  const [first, second] = interleaved
    ? [site.slice(turned, 3, 0, 2 * pairs, 2), site.slice(turned, 3, 1, 2 * pairs, 2)]
    : [site.slice(turned, 3, 0, pairs), site.slice(turned, 3, pairs, 2 * pairs)]
  const left = site.op('Sub', [site.mul(first, c!), site.mul(second, s!)])
  const right = site.add(site.mul(second, c!), site.mul(first, s!))
  const last = { axis: { int: -1 } }
  const joined = interleaved
    ? site.op('Concat', [site.unsqueeze(left, -1), site.unsqueeze(right, -1)], last)
    : site.op('Concat', [left, right], last)
  const whole = interleaved ? site.op('Reshape', [joined, site.op('Shape', [turned])]) : joined
  return size === 2 * pairs ? whole : site.op('Concat', [whole, site.slice(value, 3, 2 * pairs, size)], last)
}

export const rotaryEmbedding = defineUnfusing({
  op: 'com.microsoft:RotaryEmbedding',
  sources: ['ONNX Runtime, ContribOperators.md, RotaryEmbedding', 'arXiv:2104.09864'],
  write(site) {
    const { node } = site
    const [x, ids, cos, sin] = node.inputs as [string, string, string, string]
    if (node.int('is_packed_batching', 0)) return 'its batch is packed'
    if (node.float('scale', 1) !== 1) return 'it has a scale'
    const dims = site.dims(x)
    const apart = dims.length === 4
    const partial = node.int('rotary_embedding_dim', 0)
    const asked = node.int('num_heads', 0)
    if (!apart && partial > 0 && asked === 0) return 'its number of heads is not told'
    const size = apart ? dims[3]! : partial > 0 ? site.width(x) / asked : 2 * site.width(cos)
    const q = apart ? x : splitHeads(site, x, site.width(x) / size)
    // One number is the place of the first.
    const places =
      site.dims(ids).length === 1 ? site.add(ids, site.count(site.length(x, apart ? 2 : 1))) : ids
    const turned = rotate(site, q, { cos, sin, places, interleaved: node.int('interleaved', 0) !== 0, size })
    site.give(0, apart ? turned : mergeHeads(site, turned))
    return undefined
  },
})
