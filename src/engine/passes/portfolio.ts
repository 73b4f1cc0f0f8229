/**
 * Recipes to begin with: combinations that did well on many models. A search without them finds its way there too,
 * but rounds later. A warm start from a portfolio: arXiv:2007.04074, section 3.1.
 */
import type { RecipeStep } from '../../contract/recipe'

const PACK: RecipeStep = { pass: 'pack-weights', params: {} }

const shared = (size: number): RecipeStep[] => [
  { pass: 'mixed-precision', params: { storage: 'shared', size } },
  PACK,
]

/** Rounded as they are: the search measures what that costs, so the pass need not. */
const rounded = (bits: number): RecipeStep[] => [
  { pass: 'quantize-weights', params: { bits, method: 'rtn', maxLoss: 100 } },
]

/** What takes seconds comes before everything. */
export const QUICK_PORTFOLIO: readonly (readonly RecipeStep[])[] = [
  rounded(4),
  rounded(8),
  [{ pass: 'quantize-dynamic', params: {} }],
]

/** The most promising first. */
export const PORTFOLIO: readonly (readonly RecipeStep[])[] = [
  [{ pass: 'quantize-weights', params: { bits: 4, method: 'rtn' } }],
  shared(0.085),
  [{ pass: 'share-weights', params: { bits: 3 } }, PACK],
  shared(0.1),
  [{ pass: 'quantize-weights', params: { bits: 3 } }],
  [{ pass: 'prune-channels', params: {} }, ...shared(0.1)],
  [
    { pass: 'prune-weights', params: { method: 'sparsegpt' } },
    { pass: 'share-weights', params: { bits: 4 } },
    PACK,
  ],
]

/** Where time is limited: the arithmetic of each layer planned for that limit, alone and with fewer channels. */
export function latencyPortfolio(maxLatency: number): RecipeStep[][] {
  const planned = (latency: number): RecipeStep => ({
    pass: 'mixed-precision',
    params: { budget: 'latency', latency: Math.round(100 * Math.min(1, Math.max(0.05, latency))) / 100 },
  })
  const half: RecipeStep = { pass: 'prune-channels', params: { target: 'macs', goal: 0.5 } }
  return [[planned(maxLatency)], [half, planned(Math.min(1, maxLatency / 0.5))]]
}

/** With learning: minutes where the others take seconds. */
export const TRAINING_PORTFOLIO: readonly (readonly RecipeStep[])[] = [
  [
    { pass: 'prune-channels', params: {} },
    { pass: 'distill', params: {} },
    { pass: 'trained-codebook', params: { bits: 3 } },
    PACK,
  ],
  [{ pass: 'trained-codebook', params: { bits: 3 } }, PACK],
  [{ pass: 'trained-codebook', params: { bits: 2 } }, PACK],
]
