/**
 * Recipes to begin with: combinations that did well on many models. A search without them finds its way there too,
 * but rounds later. A warm start from a portfolio: arXiv:2007.04074, section 3.1. The file beside this one is written by
 * `npm run bench -- portfolio`, which says in it what it was fitted on.
 */
import type { RecipeStep } from '../../contract/recipe'
import fitted from './portfolio.json'

export interface Portfolio {
  /** What the recipes were chosen by. */
  fitted: {
    /** ISO 8601. */
    date: string
    models: readonly string[]
    /** Which of their samples; never those that tables are published from. */
    samples: string
  }
  /** What takes seconds comes before everything. */
  quick: readonly (readonly RecipeStep[])[]
  /** The most promising first. */
  first: readonly (readonly RecipeStep[])[]
  /** With learning: minutes where the others take seconds. */
  learning: readonly (readonly RecipeStep[])[]
}

export const PORTFOLIO: Portfolio = fitted

/** Where time is limited: the arithmetic of each layer planned for that limit, alone and with fewer channels. */
export function latencyPortfolio(maxLatency: number): RecipeStep[][] {
  const planned = (latency: number): RecipeStep => ({
    pass: 'mixed-precision',
    params: { budget: 'latency', latency: Math.round(100 * Math.min(1, Math.max(0.05, latency))) / 100 },
  })
  const half: RecipeStep = { pass: 'prune-channels', params: { target: 'macs', goal: 0.5 } }
  return [[planned(maxLatency)], [half, planned(Math.min(1, maxLatency / 0.5))]]
}
