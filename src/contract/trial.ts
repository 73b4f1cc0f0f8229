/** What a search found, for the window, the command line and `search.json`. */
import type { SearchGoal } from './goal'
import type { Recipe } from './recipe'
import type { Fidelity, Footprint, LatencyEstimate, Quality } from './report'

/** How far a trial came: divergence on calibration, a subset of the search samples, all of them. */
export type TrialStage = 'built' | 'screen' | 'subset' | 'search'

export interface Trial {
  /** Equal recipes have equal keys, on every machine. */
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
  /** Time over the original's, measured on this machine in turn with it; of finalists and what may be on the front. */
  latencyRatio?: number
  /** 95% interval of `latencyRatio`. */
  latencyInterval?: [low: number, high: number]
  /** Time over the original's from operator costs: says what is worth measuring here, and is never shown. */
  operatorCost?: number
  /** Estimate for the goal's target from operator costs; absent where the target is this machine. */
  targetLatency?: LatencyEstimate
  /** Where the goal's target is a microcontroller. */
  footprint?: Footprint
  /** One sentence a pass. */
  steps: string[]
  /** Seconds each of its passes took, where they ran. */
  passSeconds?: Record<string, number>
}

/** The winner held against samples no trial has seen. */
export interface Confirmation {
  original: Quality
  candidate: Quality
  pointsLost: number
  /** Of the points lost, paired sample by sample: 95% for the first finalist looked at, wider for each further one. */
  interval: [low: number, high: number]
  /** Which of the finalists looked at on these samples it was, from 1. */
  rank: number
  /** Points lost on the search's and the kept-back samples together. */
  together: number
  /**
   * 'confirmed': the whole interval is within the floor. 'within': the loss is, its interval is not. 'not-contradicted':
   * over the floor, by no more than chance explains on so few, and within it on all samples together.
   */
  verdict: 'confirmed' | 'within' | 'not-contradicted' | 'contradicted'
}

export interface SearchJob {
  key: string
  round: number
  recipe: Recipe
  /** Why it is worth trying, in plain words. */
  why: string
  /** It was tried. */
  done?: boolean
}

/** A trial as a point of the trade-off chart. */
export type TrialPoint = Pick<
  Trial,
  | 'key'
  | 'state'
  | 'reason'
  | 'bytes'
  | 'downloadBytes'
  | 'pointsLost'
  | 'latencyRatio'
  | 'targetLatency'
  | 'footprint'
> & {
  name: string
  /** When it was first told, ISO 8601. */
  at?: string
  /** Known once the search has ended. */
  onFront?: boolean
}

export interface SearchResult {
  goal: SearchGoal
  trials: Trial[]
  /** Keys of the trials nothing beats in download, size, quality and time, smallest download first. */
  front: string[]
  /** Absent when nothing is inside the limits; then `closest` is the nearest. */
  winner?: Trial
  closest?: Trial
  confirmation?: Confirmation
  /** Where the winner is not confirmed: the smallest of those looked at that is. */
  confirmed?: { trial: Trial; confirmation: Confirmation }
  /** Smaller finalists that the kept-back samples spoke against. */
  rejected: { trial: Trial; confirmation: Confirmation }[]
  /** Work that was left out for lack of time. */
  leftOut: number
  originalDownloadBytes: number
  /** One paragraph: what was done, what it cost, what was tried and lost. */
  explanation: string
}
