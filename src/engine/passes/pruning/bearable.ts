/** As many zeros as the outputs bear: what each layer bears is measured alone, and then how far all can go together. */
import type { Batches } from '../../data/feeds'
import { divergences, type Divergence } from '../../evaluate/comparison/divergence'
import type { Layer } from '../../layers/layer'
import type { Model } from '../../onnx'
import { allocate, measureDamages, withoutSmallest } from './allocate'
import type { Pattern } from './weights'

/** Shares that are tried, of all weights. */
const SHARES = Array.from({ length: 19 }, (_, i) => (i + 1) / 20)

interface BearableOptions {
  pattern: Pattern
  /** Points that may be lost; see `Divergence`. */
  limit: number
  classes: boolean
  /** Few samples tell layers apart, a limit wants more. */
  few: Batches
  many: Batches
  progress(done: number, doing: string): void
}

/**
 * Shares by layer, and what the smallest weights cost when they go so; undefined where the outputs bear not even the
 * first of SHARES.
 */
export async function bearableShares(
  model: Model,
  layers: readonly Layer[],
  { pattern, limit, classes, few, many, progress }: BearableOptions,
): Promise<{ shares: Map<string, number>; loss: Divergence } | undefined> {
  const costs = await measureDamages(model, layers, pattern, few, (done) =>
    progress(0.7 * done, 'measuring what each layer bears'),
  )
  let best: { shares: Map<string, number>; loss: Divergence } | undefined
  for (let [low, high] = [0, SHARES.length - 1]; low <= high;) {
    const middle = (low + high) >> 1
    progress(0.7 + (0.3 * low) / SHARES.length, `trying ${Math.round(100 * SHARES[middle]!)}% zeros`)
    const shares = allocate(layers, costs, SHARES[middle]!)
    const pruned = await withoutSmallest(model, layers, shares, pattern)
    const [loss] = await divergences(model, [pruned], many, { classes })
    if (loss!.points <= limit) [best, low] = [{ shares, loss: loss! }, middle + 1]
    else high = middle - 1
  }
  return best
}
