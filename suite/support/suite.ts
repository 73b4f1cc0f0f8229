/** What a suite is: units of work that end in verdicts, one for each step. */
import { errorData, type ErrorData } from '../../src/contract/errors'
import type { Pass } from '../../src/engine/passes/pass'

/**
 * ok: it worked and what came out was checked. refused: a coded error that is no verdict on the model. The others are
 * faults: wrong (what came out does not load, has another interface, or computes something else), invalid (a valid
 * model called invalid), internal (an error nobody foresaw), crash (the process died), hang (no end in time).
 */
type Verdict = 'ok' | 'refused' | 'wrong' | 'invalid' | 'internal' | 'crash' | 'hang'

export const FAULTS: readonly Verdict[] = ['wrong', 'invalid', 'internal', 'crash', 'hang']

export interface Outcome {
  verdict: Verdict
  /** Code of the error, where one was told. */
  code?: string
  /** Why, or what was measured. */
  detail?: string
  /** The one number a matrix shows. */
  figure?: string
}

export interface Result extends Outcome {
  /** What was worked on. */
  unit: string
  step: string
  ms: number
}

export interface SuiteOptions {
  /** Folder with models and data of all kinds. */
  shared: string
  /** Only these steps; empty for all. */
  steps: readonly string[]
  /** Longest time a step may take, in seconds. */
  limit: number
}

/**
 * Runs one step; gives what `judge` gives, or what it threw as a verdict. Throws nothing. A step that has its verdict
 * from a process that ended is not run again, unless later ones are `needed` what it leaves behind.
 */
export type RunStep = (
  name: string,
  judge: () => Promise<Outcome | void>,
  needed?: 'needed',
) => Promise<Outcome | undefined>

export interface Suite {
  about: string
  /** Too many units to list each: counts by step and faults. */
  isLarge?: boolean
  /** Longest time of a step in seconds, where the command line says nothing. */
  limit: number
  units(shared: string): Promise<string[]>
  run(unit: string, step: RunStep, options: SuiteOptions): Promise<void>
}

/** Refusals that call a model invalid; every input of the suites is valid. */
const CALLS_INVALID: readonly ErrorData['code'][] = ['model/invalid', 'model/not-onnx', 'model/truncated']

const BROKEN: readonly ErrorData['code'][] = ['pass/broke-model']

/** A thrown thing as a verdict. */
export function verdictOf(thrown: unknown): Outcome {
  const { code, ...fields } = errorData(thrown)
  const detail = JSON.stringify(fields).slice(0, 600)
  if (code === 'internal') return { verdict: 'internal', detail }
  if (CALLS_INVALID.includes(code)) return { verdict: 'invalid', code, detail }
  return { verdict: BROKEN.includes(code) ? 'wrong' : 'refused', code, detail }
}

/** A pass and the settings it is tried with. */
export interface Trial {
  step: string
  pass: Pass
  params: Record<string, unknown>
}
