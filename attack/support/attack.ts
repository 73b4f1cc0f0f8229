/** What an attack is: made-up inputs, and what became of each. */
import type { ErrorData } from '../../src/contract/errors'

/**
 * ok: it worked. coded: refused with a sentence, or ended by the watch at the budget. The others are faults: internal (an error nobody foresaw), crash
 * (the process died), hang (no answer in time), memory (over the budget), lost (work or state is gone or mixed).
 */
type Verdict = 'ok' | 'coded' | 'internal' | 'crash' | 'hang' | 'memory' | 'lost'

export const FAULTS: readonly Verdict[] = ['internal', 'crash', 'hang', 'memory', 'lost']

export interface Outcome {
  verdict: Verdict
  /** Code of the error, where one was told. */
  code?: string
  detail?: string
}

export interface Finding extends Outcome {
  /** What was done to what, so that it can be done again. */
  case: string
  /** The smallest input found that still shows it. */
  input?: { bytes: Uint8Array; extension: string }
}

export interface AttackOptions {
  seed: number
  /** Inputs to try; time may end it earlier. */
  count: number
  /** Number of the first damaged model or data file; a finding names its own, so that it can be done again. */
  from?: number
  seconds: number
  engines: number
  /** Bytes an engine may use. */
  memory: number
  /** Absolute path of the built engine entry's folder. */
  built: string
  /** Folder with models and data of all kinds beside the checkout's own; may be absent. */
  shared?: string
}

export interface Attack {
  about: string
  /** Inputs tried where `--count` says nothing. */
  count: number
  run(options: AttackOptions): AsyncIterable<Finding>
}

const VERDICTS: Partial<Record<ErrorData['code'], Verdict>> = {
  internal: 'internal',
  'engine/crashed': 'crash',
}

export function verdictOf(error: ErrorData): Outcome {
  const { code, ...fields } = error
  return { verdict: VERDICTS[code] ?? 'coded', code, detail: JSON.stringify(fields).slice(0, 2000) }
}
