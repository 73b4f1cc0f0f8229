/** What each layer tolerates of each technique; a heat map in the window, `pare sensitivity` in the terminal. */
export const TECHNIQUES = ['bits', 'sparsity', 'channels', 'rank'] as const
export type Technique = (typeof TECHNIQUES)[number]

export interface Sensitivity {
  /** Name of the node's first output: its identity in every report. */
  layer: string
  op: string
  parameters: number
  technique: Technique
  /** Bits left, share of weights zeroed, share of output channels removed, share of the full rank kept. */
  strength: number
  /**
   * Outputs against the original's on calibration samples: changed top answers out of 100 where the model answers
   * with classes, else the share of the outputs' energy that is error, in percent.
   */
  points: number
  /** Decibel, outputs against the original's. */
  sqnr: number
  /** Decibel, the changed weight against itself before. */
  weightSqnr: number
}

export interface SensitivityReport {
  samples: number
  entries: Sensitivity[]
  /** Entries that had to be measured; the others were known. */
  measured: number
}
