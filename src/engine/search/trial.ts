/** What a search tries, as plain JSON: jobs can be listed, spread over machines, and merged. */
import type { Recipe } from '../../contract/recipe'
import type { Fidelity, Quality } from '../../contract/report'

export interface SearchJob {
  /** Equal recipes have equal keys, on every machine. */
  key: string
  round: number
  recipe: Recipe
  /** Why it is worth trying, in plain words. */
  why: string
}

/** How far a trial came: divergence on calibration, a subset of the search samples, all of them. */
export type TrialStage = 'built' | 'screen' | 'subset' | 'search'

export interface Trial {
  key: string
  round: number
  recipe: Recipe
  state: 'kept' | 'dropped' | 'failed' | 'out-of-time'
  stage: TrialStage
  /** Why it was dropped or failed; empty for a kept one. */
  reason: string
  seconds: number
  bytes: number
  downloadBytes: number
  /** On the calibration samples. */
  fidelity?: Fidelity
  /** On the samples of the last stage. */
  quality?: Quality
  pointsLost?: number
  /** p50 of the candidate over p50 of the original, interleaved; finalists only. */
  latencyRatio?: number
  /** One sentence a pass. */
  steps: string[]
}

export interface Confirmation {
  original: Quality
  candidate: Quality
  pointsLost: number
  /** 95% interval of the points lost, from the same samples. */
  interval: [low: number, high: number]
  verdict: 'confirmed' | 'not-contradicted' | 'contradicted'
}
