/** What finding a reading gives, with labels or without. */
import type { Preprocessing } from '../../contract/dataset'

export interface Finding {
  preprocessing: Preprocessing
  /** Only where another order of classes is part of the finding. */
  classes?: readonly string[]
  /** The caller's score, larger is better. */
  value: number
  /** How the dataset was read before. */
  baseline: boolean
  /** Better than the baseline, and than guessing, by more than chance explains on the samples it is scored on. */
  better: boolean
  /** How the samples are read, in words. */
  explanation: string
  /** Without labels: what the model itself tells, which the value then is, and the value of the plain reading. */
  by?: { measure: 'separation' | 'statistics'; plain: number }
}

export interface FindOptions {
  /** 'gain' (default) tries nothing where all answers are right, and scores nothing that promises no gain. */
  when?: 'gain' | 'always'
  /** What the baseline scores, where that is known. */
  value?: number
  /** Samples used to rank candidates. Default 256, and up to 1024 small ones. */
  samples?: number
  /** Candidates that are scored. Default 5. */
  scored?: number
  signal?: AbortSignal
  progress?: (done: number, message: string) => void
}

/** Words for the baseline that are true whichever reading is taken. */
export const AS_BEFORE = 'as it was read before others were tried'

/** Of all that are confirmed together, one in a hundred may seem better by chance. */
export const LEVEL = 0.01

/** Highest value first, of equal ones the baseline. */
export const byValue = (a: Finding, b: Finding): number =>
  b.value - a.value || Number(b.baseline) - Number(a.baseline)

/** The one that is believed, then by value. */
export const inOrder = (findings: readonly Finding[], believed: Finding | undefined): Finding[] => [
  ...(believed ? [believed] : []),
  ...findings.filter((finding) => finding !== believed).sort(byValue),
]
