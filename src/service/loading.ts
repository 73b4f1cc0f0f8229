/** Reading models and data in the background: the window sees "loading", then the result or its sentence. */
import path from 'node:path'
import { errorData } from '../contract/errors'
import type { ModelInspection } from '../contract/model'
import type { LoadedData, OpenedData } from '../contract/project'
import { inBackground } from './background'
import { modelAndData, type Core } from './core'
import { specsBeside } from './data-spec'
import type { JobOptions } from './engine-host'
import type { DataRecord, ProjectRecord } from './records'
import { isArchiveOfFiles } from './zip-kind'

type Part = 'model' | 'data'

/** Samples in sight before the original is scored. */
const SHOWN = 20

export class Loader {
  private readonly tasks = new Map<
    string,
    { controller: AbortController; doing: string; opened?: OpenedData }
  >()

  constructor(private readonly core: Core) {}

  doing(project: string, part: Part): string | undefined {
    return this.tasks.get(`${project}/${part}`)?.doing
  }

  /** Data that is open and not scored yet. */
  opened(project: string): OpenedData | undefined {
    return this.tasks.get(`${project}/data`)?.opened
  }

  /** Reads what the records name and have no result of: after a restart, and after something new was taken. */
  catchUp(project: ProjectRecord): void {
    const { id, model, data } = project
    if (model && !model.value && !model.error && !this.tasks.has(`${id}/model`))
      inBackground(this.loadModel(id), 'reading a model')
    else if (model?.value && data && !data.value && !data.error && !this.tasks.has(`${id}/data`))
      inBackground(this.loadData(id), 'reading data')
  }

  /** Something new was taken: what is being read of the old is given up. */
  changed(project: ProjectRecord, part: Part): void {
    this.abort(project.id, 'data')
    if (part === 'model') this.abort(project.id, 'model')
    this.catchUp(project)
  }

  stop(project: string): void {
    this.abort(project, 'model')
    this.abort(project, 'data')
  }

  private abort(project: string, part: Part): void {
    const key = `${project}/${part}`
    const task = this.tasks.get(key)
    this.tasks.delete(key)
    task?.controller.abort()
  }

  private async loadModel(project: string): Promise<void> {
    const value = await this.task(project, 'model', 'Reading the model', (signal) =>
      this.core.interactive.run(
        'inspect',
        { model: this.core.files.pathOf(this.core.store.get(project).model!.file) },
        { during: 'reading the model', signal },
      ),
    )
    // The data is read for a model: with another one it may be another task.
    if (value) this.core.store.update(project, (record) => record.data && forgetData(record.data))
    if (value && this.core.store.has(project)) this.catchUp(this.core.store.get(project))
  }

  private async loadData(project: string): Promise<void> {
    const value = await this.task(project, 'data', 'Reading the data', async (signal) => {
      await this.unpack(project, signal)
      return this.openData(project, signal)
    })
    if (!value) return
    // A score that is good may still be that of data read in another way than the model was trained with.
    const { preprocessing, classes, spec } = this.core.store.get(project).data ?? {}
    const isSaid = [preprocessing, classes, spec?.preprocessing, spec?.classes].some(Boolean)
    if (value.looksLikeChance || !isSaid) await this.findPreprocessing(project, 'gain')
  }

  /** As what lies beside model or data says, where nobody says how it is read; what is for other data is left alone. */
  private async openData(project: string, signal: AbortSignal): Promise<LoadedData> {
    const options: JobOptions = {
      during: 'reading the data',
      signal,
      onEvent: ({ event, data }) => {
        if (event === 'progress') this.progress(project, data.done, data.doing)
        if (event === 'opened' && !signal.aborted) this.showOpened(project, data)
      },
    }
    const input = { ...this.inputOf(project), show: SHOWN }
    const { spec: said, roles, preprocessing, classes } = this.core.store.get(project).data!
    const beside =
      said || roles || preprocessing || classes ? [] : specsBeside([input.model], input.data.path!)
    for (const { file, spec } of beside)
      try {
        const notes = [
          ...(spec.notes ?? []),
          `The data is read as “${path.basename(file)}” in “${path.basename(path.dirname(file))}” says.`,
        ]
        const noted = { ...spec, notes }
        const value = await this.core.interactive.run(
          'openData',
          { ...input, data: { ...input.data, ...noted } },
          options,
        )
        this.core.store.update(project, ({ data }) => data && (data.spec = noted))
        return value
      } catch (thrown) {
        if (!errorData(thrown).code.startsWith('data/')) throw thrown
      }
    return this.core.interactive.run('openData', input, options)
  }

  /**
   * Tries the usual ways to read the data; the ranked trials join what was loaded. 'gain' is asked by nobody: it runs
   * where runs do, gives way to them, and where it fails the data is what it was.
   */
  async findPreprocessing(project: string, when: 'gain' | 'always'): Promise<void> {
    const { data } = this.core.store.get(project)
    const loaded = data?.value
    if (!loaded) return
    await this.task(project, 'data', 'Trying ways to read the data', async (signal) => {
      const input = { ...this.inputOf(project), when, baseline: loaded.baseline }
      const background = when === 'gain'
      const engine = background ? this.core.work : this.core.interactive
      try {
        const trials = await engine.run('findPreprocessing', input, {
          during: 'trying ways to read the data',
          signal,
          background,
          onEvent: (event) =>
            event.event === 'progress' && this.progress(project, event.data.done, event.data.doing),
        })
        return { ...loaded, trials }
      } catch (cause) {
        if (background && errorData(cause).code !== 'cancelled') return loaded
        throw cause
      }
    })
  }

  private inputOf(project: string): ReturnType<typeof modelAndData> {
    return modelAndData(this.core, this.core.store.get(project), 'data')
  }

  private async unpack(project: string, signal: AbortSignal): Promise<void> {
    const { core } = this
    const { file, unpacked } = core.store.get(project).data!
    const archive = core.files.pathOf(file)
    if (unpacked || !isArchive(archive)) return
    const into = path.join(core.dataDir, 'files', 'unpacked', file)
    const { folder } = await core.interactive.run(
      'unpack',
      { archive, into },
      { during: 'unpacking the data', signal },
    )
    core.store.update(project, (record) => {
      if (record.data?.file === file) record.data.unpacked = folder
    })
  }

  private showOpened(project: string, opened: OpenedData): void {
    const task = this.tasks.get(`${project}/data`)
    if (!task) return
    task.opened = opened
    this.core.emit('project.changed', { project })
  }

  private progress(project: string, done: number, doing: string): void {
    const task = this.tasks.get(`${project}/data`)
    if (task) task.doing = doing
    this.core.emit('task.progress', { project, done, doing })
  }

  /** Runs the work for a part; a newer task for the same part replaces it. */
  private async task<P extends Part, T extends (P extends 'model' ? ModelInspection : LoadedData)>(
    project: string,
    part: P,
    doing: string,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const key = `${project}/${part}`
    this.abort(project, part)
    const task = { controller: new AbortController(), doing }
    this.tasks.set(key, task)
    this.core.emit('project.changed', { project })
    const settle = (change: (record: { value?: unknown; error?: unknown }) => void): void => {
      if (this.tasks.get(key) !== task) return
      this.tasks.delete(key)
      this.core.store.update(project, (record) => record[part] && change(record[part]))
    }
    try {
      const value = await work(task.controller.signal)
      settle((record) => Object.assign(record, { value, error: undefined }))
      return task.controller.signal.aborted ? undefined : value
    } catch (thrown) {
      const error = errorData(thrown)
      if (error.code === 'cancelled') {
        if (this.tasks.get(key) === task) this.tasks.delete(key)
        return undefined
      }
      settle((record) => Object.assign(record, { error }))
      return undefined
    }
  }
}

function isArchive(file: string): boolean {
  try {
    return isArchiveOfFiles(file)
  } catch {
    // A folder, or gone; reading it will say so.
    return false
  }
}

function forgetData(data: DataRecord): void {
  delete data.value
  delete data.error
}
