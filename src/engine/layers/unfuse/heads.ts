/** Attention by plain operators: heads apart, scores, masks, and heads together again. Source: arXiv:1706.03762. */
import type { Site } from './unfusing'

/** What a masked score becomes where nothing else is said; a Softmax gives it nothing. */
const LOWEST = -3.4028234663852886e38

/** [batch, length, heads · size] → [batch, heads, length, size]. */
export const splitHeads = (site: Site, value: string, heads: number): string =>
  site.transpose(site.reshape(value, 0, 0, heads, -1), 0, 2, 1, 3)

/** The way back. */
export const mergeHeads = (site: Site, value: string): string =>
  site.reshape(site.transpose(value, 0, 2, 1, 3), 0, 0, -1)

/** Each of the heads [batch, few, length, size] as often as it takes to be `heads`, one behind the other. */
export function repeatHeads(site: Site, value: string, few: number, heads: number, size: number): string {
  if (few === heads) return value
  const repeated = site.op('Expand', [site.unsqueeze(value, 2), site.ints(1, 1, heads / few, 1, 1)])
  return site.reshape(repeated, 0, heads, -1, size)
}

interface AttendOptions {
  scale: number
  /** Added to the scores; broadcasts to [batch, heads, length, keys]. */
  bias?: string
  /** bool, false where a score counts for nothing; broadcasts likewise. */
  mask?: string
  /** Each place sees those before it; `past` is how many came before the first, where any did. */
  causal?: { past?: string }
  softcap?: number
}

/** softmax(scale · q · kᵀ + …) · v of [batch, heads, length, size]. */
export function attend(site: Site, q: string, k: string, v: string, options: AttendOptions): string {
  const { scale, bias, mask, causal, softcap = 0 } = options
  let scores = site.mul(site.op('MatMul', [q, site.transpose(k, 0, 1, 3, 2)]), site.floats(scale))
  if (softcap > 0)
    scores = site.mul(site.op('Tanh', [site.mul(scores, site.floats(1 / softcap))]), site.floats(softcap))
  if (bias) scores = site.add(scores, bias)
  if (mask) scores = site.op('Where', [mask, scores, site.floats(LOWEST)])
  if (causal) {
    const rows = site.count(site.length(q, 2))
    const places = causal.past ? site.add(rows, causal.past) : rows
    const columns = site.count(site.length(k, 2))
    const sees = site.op('LessOrEqual', [columns, site.unsqueeze(places, 1)])
    scores = site.op('Where', [sees, scores, site.floats(LOWEST)])
  }
  return site.op('MatMul', [site.op('Softmax', [scores], { axis: { int: -1 } }), v])
}

/**
 * What is added to scores for a mask of int32: [batch, keys] with zeros where a key counts for nothing, [batch, length,
 * keys] likewise, or [batch] lengths. A text says why a mask of another form is not written out.
 */
export function biasOfMask(
  site: Site,
  mask: string,
  batch: number,
  keys: string,
  filter: number,
): { bias: string } | string {
  const dims = site.dims(mask)
  let kept: string
  if (dims.length === 1 && dims[0] === batch)
    kept = site.op('Less', [
      site.count(site.length(keys, 2)),
      site.unsqueeze(site.op('Cast', [mask], { to: { int: 7 } }), 1),
    ])
  else if (dims.length === 2 || dims.length === 3) kept = site.op('Cast', [mask], { to: { int: 9 } })
  else return 'its mask is of a form that is not written out'
  const axes = dims.length === 3 ? [1] : [1, 2]
  const penalty = site.op('Where', [kept, site.floats(0), site.floats(filter)])
  return { bias: site.unsqueeze(penalty, ...axes) }
}
