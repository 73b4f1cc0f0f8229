import type { OpenOptions } from '../../../src/engine/data/open'

/** A model with data, and how its raw samples lie. */
export interface Subject {
  model: string
  data: string
  options?: OpenOptions
  /** How the driver reads the raw validation data: `files`, `listed`, `npz`, `csv` or `jsonl`, where, and what names its labels. */
  raw: readonly [kind: string, place: string, label?: string]
}
