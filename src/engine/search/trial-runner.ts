/**
 * One trial: build, screen by divergence on calibration, look at a subset, then at all search samples. A trial is
 * dropped on its own account only, never because another was better, so the order of workers cannot matter.
 */
import { toError } from '../../contract/errors'
import { errorMessage } from '../../contract/messages'
import type { SearchGoal } from '../../contract/goal'
import type { Recipe } from '../../contract/recipe'
import type { Footprint, LatencyEstimate } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { lossOf } from '../evaluate/paired'
import { measureQuality, type ModelQuality } from '../evaluate/quality'
import { failureOf, STOPS } from '../runtime/failure'
import { beyondRepair } from './limits'
import type { SearchParts } from './parts'
import { POLICY } from './policy'
import type { SearchJob, Trial, TrialStage } from '../../contract/trial'

export interface Built {
  file: string
  bytes: number
  downloadBytes: number
  steps: string[]
  passSeconds: Record<string, number>
  targetLatency?: LatencyEstimate
  operatorCost?: number
  footprint?: Footprint
  /** Why a pass of the recipe could not be carried out. */
  failed?: string
}

/** Turns a recipe into a model file. Given by the run, which owns folders and checkpoints. */
export interface TrialRunner {
  original: string
  data: Dataset
  parts: SearchParts
  goal: SearchGoal
  signal: AbortSignal
  /** Throws where model or data are no longer what they were: what was found then is not kept. */
  same?(): void
  /** Throws `cancelled` when the user cancels, and when the time for trials is up. */
  build(recipe: Recipe, key: string): Promise<Built>
}

interface Look {
  stage: TrialStage
  dataset: Dataset
  split: 'calibration' | 'validation'
  limit?: number
}

/** Throws what no other trial could do better with: see `STOPS`. */
export async function runTrial(job: SearchJob, runner: TrialRunner): Promise<Trial> {
  const started = performance.now()
  const trial: Trial = {
    key: job.key,
    round: job.round,
    recipe: job.recipe,
    state: 'kept',
    stage: 'built',
    reason: '',
    seconds: 0,
    bytes: 0,
    downloadBytes: 0,
    steps: [],
  }
  try {
    const built = await runner.build(job.recipe, job.key)
    const { bytes, downloadBytes, steps, passSeconds, targetLatency, operatorCost, footprint } = built
    Object.assign(trial, {
      bytes,
      downloadBytes,
      steps,
      passSeconds,
      ...(targetLatency && { targetLatency }),
      ...(operatorCost !== undefined && { operatorCost }),
      ...(footprint && { footprint }),
    })
    if (built.failed) Object.assign(trial, { state: 'failed', reason: built.failed })
    else await measure(trial, built.file, runner)
    runner.same?.()
  } catch (thrown) {
    runner.same?.()
    const error = failureOf(thrown, job.recipe.name)
    if (error.code === 'cancelled') {
      if (runner.signal.aborted) throw thrown
      return { ...trial, state: 'out-of-time', reason: 'the time limit came first' }
    }
    if (STOPS.has(error.code)) throw toError(error)
    Object.assign(trial, { state: 'failed', reason: errorMessage(error).what })
  }
  trial.seconds = (performance.now() - started) / 1000
  return trial
}

async function measure(trial: Trial, file: string, runner: TrialRunner): Promise<void> {
  const looks: Look[] = [
    { stage: 'screen', dataset: runner.data, split: 'calibration', limit: POLICY.screenSamples },
    { stage: 'subset', dataset: runner.parts.subset, split: 'validation' },
    { stage: 'search', dataset: runner.parts.search, split: 'validation' },
  ]
  for (const { stage, dataset, split, limit } of looks) {
    if (dataset.splits[split].length === 0) continue
    const { original, candidates } = await measureQuality(runner.original, [file], {
      dataset,
      split,
      limit,
      signal: runner.signal,
    })
    const candidate = candidates[0]!
    const loss = lossOf(original, candidate)
    trial.stage = stage
    if (stage === 'screen') trial.fidelity = candidate.fidelity
    Object.assign(trial, { quality: candidate.quality, pointsLost: loss.points })
    const reason = hopeless(candidate, loss.low, runner.goal)
    if (reason) {
      Object.assign(trial, { state: 'dropped', reason })
      return
    }
  }
}

function hopeless(candidate: ModelQuality, low: number, goal: SearchGoal): string {
  if (candidate.nonFinite > 0) return `${candidate.nonFinite} outputs are not finite`
  const limit = beyondRepair(goal)
  return low > limit ? `it surely loses more than ${limit.toFixed(1)} points` : ''
}
