/** The queue of runs: one at a time, in the work engine, each resumable from its last finished pass. */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { errorData, type ErrorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import type { Goal } from '../contract/goal'
import type { RunProgress } from '../contract/project'
import { badRequest, modelAndDataOf, type Core } from './core'
import type { JobOptions } from './engine-host'
import type { Catalogue } from './recipes'
import { dataKey, type ProjectRecord, type RunRecord } from './records'
import { pointOf, Recorder } from './run-recorder'
import { withoutRun } from './sittings'
import { writeJson } from '../disk/write'
import { ifDiskAllows, newId, readJson } from './storage'
import { verdict } from './verdict'

const Queue = z.object({ waiting: z.array(z.string()), paused: z.boolean() })

export class Runs {
  private readonly queue: z.output<typeof Queue>
  private stopAfterCurrent = false
  private running: { id: string; controller: AbortController; since: number } | undefined
  private readonly progress = new Map<string, RunProgress & { step?: number }>()
  private readonly recorder: Recorder
  private closing = false

  constructor(
    private readonly core: Core,
    private readonly catalogue: Catalogue,
  ) {
    this.queue = readJson(this.queueFile, Queue, core.aside.taking('queue')) ?? { waiting: [], paused: false }
    this.recorder = new Recorder(core, this.progress)
    this.recover()
  }

  /** What was running when the app ended was interrupted; what waited still waits, until someone says go. */
  private recover(): void {
    const known = new Set<string>()
    for (const project of this.core.store.all())
      for (const run of project.runs) {
        known.add(run.id)
        const lost =
          run.status === 'running' || (run.status === 'queued' && !this.queue.waiting.includes(run.id))
        if (lost) ifDiskAllows(() => this.core.store.updateRun(run, () => (run.status = 'interrupted')))
      }
    const before = JSON.stringify(this.queue)
    this.queue.waiting = this.queue.waiting.filter((id) => known.has(id))
    if (this.queue.waiting.length > 0) this.queue.paused = true
    if (JSON.stringify(this.queue) !== before) ifDiskAllows(() => this.saveQueue())
  }

  live = (run: string): (RunProgress & { step?: number }) | undefined => this.progress.get(run)

  resumable = (run: RunRecord): boolean =>
    (run.status === 'failed' || run.status === 'cancelled' || run.status === 'interrupted') &&
    this.core.store.has(run.project)

  folderOf = (run: string): string => path.join(this.core.dataDir, 'runs', run)

  state(): { running?: string; waiting: string[]; paused: boolean; stopAfterCurrent: boolean } {
    const { waiting, paused } = this.queue
    const { stopAfterCurrent, running } = this
    return { ...(running && { running: running.id }), waiting: [...waiting], paused, stopAfterCurrent }
  }

  async start(projectId: string, given?: Goal): Promise<RunRecord> {
    const { store } = this.core
    const project = store.get(projectId)
    const goal = given ?? project.goal
    if (!goal) throw badRequest('runs.start', 'Choose a goal first.')
    this.ready(project)
    await this.catalogue.passes()
    const recipes = await this.catalogue.recipesOf(goal)
    const run = this.record(project, goal, recipes)
    store.update(projectId, (record) => {
      record.goal = goal
      record.runs.unshift(run)
    })
    this.enqueue(run.id)
    return run
  }

  resume(id: string): RunRecord {
    const run = this.core.store.run(id)
    if (!this.resumable(run)) throw badRequest('runs.resume', 'This run is not waiting to be resumed.')
    this.core.store.updateRun(run, () => {
      run.status = 'queued'
      delete run.error
    })
    this.enqueue(id)
    return run
  }

  cancel(id: string): RunRecord {
    const run = this.core.store.run(id)
    if (this.running?.id === id) this.running.controller.abort()
    else if (this.queue.waiting.includes(id)) {
      this.queue.waiting = this.queue.waiting.filter((other) => other !== id)
      this.core.store.updateRun(run, () => (run.status = 'cancelled'))
      this.queueChanged()
    }
    return run
  }

  stopTraining(id: string): void {
    if (this.running?.id === id) this.core.work.stopTraining()
  }

  remove(id: string): void {
    const run = this.core.store.run(id)
    this.cancel(id)
    this.core.store.update(run.project, (record) => {
      record.runs = record.runs.filter((other) => other !== run)
      record.sittings = withoutRun(record.sittings, id)
    })
    fs.rmSync(this.folderOf(id), { recursive: true, force: true })
  }

  pause(paused: boolean): void {
    this.queue.paused = paused
    this.queueChanged()
    this.proceed()
  }

  setStopAfterCurrent(on: boolean): void {
    this.stopAfterCurrent = on
    this.core.emit('queue.changed', {})
  }

  /** Ids that do not wait are ignored; those left out keep their order at the end. */
  reorder(order: readonly string[]): void {
    const { waiting } = this.queue
    const named = order.filter((id) => waiting.includes(id))
    this.queue.waiting = [...new Set(named), ...waiting.filter((id) => !named.includes(id))]
    this.queueChanged()
  }

  close(): void {
    this.closing = true
    this.recorder.close()
    this.running?.controller.abort()
  }

  private ready({ model, data }: ProjectRecord): void {
    if (!model?.value) throw badRequest('runs.start', 'Choose a model that can be read first.')
    if (data && !data.value)
      throw badRequest(
        'runs.start',
        'The data is not ready. Wait until it is read, choose other data, or go on without.',
      )
  }

  private record(project: ProjectRecord, goal: Goal, recipes: RunRecord['recipes']): RunRecord {
    const { files } = this.core
    const { model, data } = project
    const [only] = recipes
    return {
      id: newId(),
      project: project.id,
      name: goal.kind === 'search' ? 'Find the best' : (only?.name ?? 'Run'),
      goal,
      status: 'queued',
      createdAt: new Date().toISOString(),
      seconds: 0,
      done: 0,
      model: { file: model!.file, name: files.get(model!.file).name, sha256: model!.value!.sha256 },
      data: {
        name: data ? files.get(data.file).name : 'random inputs',
        key: dataKey(data),
        ...(data && { record: { ...data, value: undefined } }),
      },
      recipes,
      candidates: [],
      steps: [],
    }
  }

  private enqueue(id: string): void {
    this.queue.waiting.push(id)
    this.queueChanged()
    this.proceed()
  }

  private proceed(): void {
    if (this.running || this.queue.paused || this.closing) return
    const id = this.queue.waiting.shift()
    if (id === undefined) return
    this.running = { id, controller: new AbortController(), since: Date.now() }
    this.queueChanged()
    const run = this.core.store.run(id)
    this.execute(run, this.running.controller.signal).catch((thrown) => this.unsaved(run, errorData(thrown)))
  }

  /** What came of a run could not be written, the disk being full say: it is told all the same, and no other begins. */
  private unsaved(run: RunRecord, error: ErrorData): void {
    if (this.closing) return
    this.running = undefined
    this.progress.delete(run.id)
    this.queue.paused = true
    Object.assign(run, { status: 'failed', error })
    this.announce(run, error)
    this.core.emit('queue.changed', {})
  }

  private async execute(run: RunRecord, signal: AbortSignal): Promise<void> {
    const { store } = this.core
    this.progress.set(run.id, { done: run.done, doing: 'Starting the engine' })
    store.updateRun(run, () => {
      run.status = 'running'
      run.steps = []
    })
    let error: ErrorData | undefined
    try {
      await this.work(run, signal)
    } catch (thrown) {
      error = errorData(thrown)
    }
    const before = this.running!
    this.running = undefined
    const last = this.progress.get(run.id)
    this.progress.delete(run.id)
    // The next start finds it still 'running' and calls it interrupted.
    if (this.closing) return
    store.updateRun(run, () => {
      run.seconds += (Date.now() - before.since) / 1000
      run.done = error ? (last?.done ?? run.done) : 1
      run.status = !error ? 'done' : error.code === 'cancelled' ? 'cancelled' : 'failed'
      if (error && error.code !== 'cancelled') run.error = error
      else delete run.error
    })
    // A fresh process for every run: its memory is given back and its measurements start equal.
    this.core.work.rest()
    this.announce(run, error)
    if (this.stopAfterCurrent) {
      this.stopAfterCurrent = false
      this.queue.paused = this.queue.waiting.length > 0
    }
    this.queueChanged()
    this.proceed()
  }

  private async work(run: RunRecord, signal: AbortSignal): Promise<void> {
    const { store, work } = this.core
    const { goal } = run
    const request = {
      ...modelAndDataOf(this.core, run),
      folder: this.folderOf(run.id),
      sensitivities: sensitivitiesOf(this.core),
      cache: path.join(this.core.dataDir, 'passes'),
      seed: 0,
      resume: true,
    }
    const options: JobOptions = {
      during: run.name,
      signal,
      onEvent: (event) => this.recorder.receive(run, event),
    }
    if (goal.kind === 'search') {
      const { result, run: made } = await work.run('search', { ...request, goal }, options)
      store.updateRun(run, () => {
        run.original = made.original
        run.recipes = made.candidates.map(({ recipe }) => recipe)
        run.trials = result.trials.map((trial) => ({
          ...pointOf(trial, run.trials),
          onFront: result.front.includes(trial.key),
        }))
        run.explanation = result.explanation
      })
      return
    }
    const { recipes } = run
    const made = await work.run('compress', { ...request, recipes, target: goal.target }, options)
    store.updateRun(run, () => {
      run.original = made.original
      if (made.failed.length > 0)
        run.explanation = made.failed
          .map(({ recipe, error }) => `${recipe}: ${errorMessage(error).what}`)
          .join(' ')
    })
  }

  private announce(run: RunRecord, error: ErrorData | undefined): void {
    const best = run.goal.kind === 'search' ? run.candidates[0] : run.candidates.at(-1)
    const said = error
      ? errorMessage(error)
      : {
          title: 'Finished',
          what: best ? verdict(run.goal, run.original!, best.report) : 'Nothing was made.',
        }
    this.core.emit('run.ended', {
      run: run.id,
      project: run.project,
      status: run.status,
      title: said.title,
      message: said.what,
    })
  }

  private get queueFile(): string {
    return path.join(this.core.dataDir, 'queue.json')
  }

  private saveQueue = (): void => writeJson(this.queueFile, this.queue)

  private queueChanged(): void {
    this.saveQueue()
    this.core.emit('queue.changed', {})
  }
}

/** What the heat map measured serves runs, and the other way round. */
export const sensitivitiesOf = (core: Core): string => path.join(core.dataDir, 'sensitivity')
