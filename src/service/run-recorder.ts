/** What a run tells of itself while it goes on: shown at once, and kept so that a crash loses a second of it at most. */
import type { RunProgress } from '../contract/project'
import type { Trial, TrialPoint } from '../contract/trial'
import type { JobEvent } from '../engine/jobs/protocol'
import type { Core } from './core'
import type { RunRecord } from './records'
import { ifDiskAllows } from './storage'

/** Live points of a pass that learns; so many at most. */
const CURVE_LIMIT = 10_000
/** Points come faster than a disk should be asked to keep each by itself. */
const SAVE_MS = 1000

export class Recorder {
  private readonly unsaved = new Map<RunRecord, NodeJS.Timeout>()

  constructor(
    private readonly core: Core,
    private readonly progress: Map<string, RunProgress & { step?: number }>,
  ) {}

  receive(run: RunRecord, { event, data }: JobEvent): void {
    const { emit, store } = this.core
    const about = { run: run.id, project: run.project }
    if (event === 'progress') {
      this.progress.set(run.id, data)
      emit('run.progress', { ...about, ...data })
    } else if (event === 'point') {
      // Epochs begin again with the next pass that learns.
      const known = run.curve ?? []
      run.curve = [...((known.at(-1)?.epoch ?? data.epoch) < data.epoch ? known : []), data].slice(
        -CURVE_LIMIT,
      )
      emit('run.point', { ...about, ...data })
      this.saveSoon(run)
    } else if (event === 'step') {
      store.updateRun(run, () => {
        const { layers: _, ...record } = data.record
        run.steps = [...run.steps.slice(0, data.step), record]
        if (record.curve) run.curve = record.curve
      })
    } else if (event === 'trial') {
      const trial = pointOf(data.trial, run.trials)
      run.trials = [...(run.trials ?? []).filter((other) => other.key !== trial.key), trial]
      emit('run.trial', { ...about, trial })
      this.saveSoon(run)
    } else if (event === 'candidate') {
      store.updateRun(run, () => {
        const { n, recipe, report, folder, steps } = data.candidate
        run.original = data.original
        const kept = { n, recipe, report, folder, steps: steps.map(({ layers: _, ...step }) => step) }
        run.candidates = [...run.candidates.filter((other) => other.n !== n), kept].sort((a, b) => a.n - b.n)
        run.steps = []
      })
    }
  }

  private saveSoon(run: RunRecord): void {
    if (!this.unsaved.has(run)) this.unsaved.set(run, setTimeout(() => this.save(run), SAVE_MS).unref())
  }

  /** A disk that is full ends the run where its next result must be written, with that error. */
  private save(run: RunRecord): void {
    clearTimeout(this.unsaved.get(run))
    this.unsaved.delete(run)
    ifDiskAllows(() => this.core.store.updateRun(run, () => undefined))
  }

  /** The app ends: what came in the last second is kept. */
  close(): void {
    for (const run of [...this.unsaved.keys()]) this.save(run)
  }
}

/** What the chart of a search shows of a trial; `known` are the points there were: a trial that is told again was found when it was first told. */
export function pointOf(trial: Trial, known: readonly TrialPoint[] = []): TrialPoint {
  const { key, state, reason, recipe, bytes, downloadBytes } = trial
  const { pointsLost, latencyRatio, targetLatency, footprint } = trial
  const measured = { bytes, downloadBytes, pointsLost, latencyRatio, targetLatency, footprint }
  const at = known.find((one) => one.key === key)?.at ?? new Date().toISOString()
  return { key, state, reason, ...measured, name: recipe.name, at }
}
