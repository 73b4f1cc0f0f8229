/** What the parts of the service share. */
import type { EventName, Events } from '../contract/app'
import type { DataReference, EngineSettings, ModelAndData } from '../engine/jobs/protocol'
import { PareError } from '../contract/errors'
import type { EngineHost } from './engine-host'
import type { EngineLimits, EngineProcess } from './engine-process'
import type { FileStore } from './files'
import type { DataRecord, ProjectRecord, RunRecord } from './records'
import type { SetAside } from './set-aside'
import type { PlaceStore, ProjectStore, SettingsStore } from './store'

/** What only the shell around the service can do. All paths are absolute. */
export interface ShellHost {
  /** A native dialog; null when dismissed. Absent where the page must upload. */
  pick?(kind: 'model' | 'data-file' | 'data-folder' | 'recipe' | 'plugin'): Promise<string[] | null>
  /** Asks where to put something; null when dismissed. Absent where it goes to the exports folder. */
  chooseDestination?(suggestedName: string, form: 'zip' | 'folder'): Promise<string | null>
  /** Shows a file in the system's file manager. */
  reveal?(path: string): void
  /** Goes on as a drag of the system's what a person began to drag in the page. */
  drag?(path: string): void
  /** Gives a one-time address where the page can download a file. */
  offerDownload?(path: string, name: string): string
}

type Emit = <E extends EventName>(event: E, data: Events[E]) => void

export interface Core {
  dataDir: string
  resourcesDir: string
  store: ProjectStore
  files: FileStore
  settings: SettingsStore
  place: PlaceStore
  aside: SetAside
  /** Starts one beside those below. */
  engine: (limits: EngineLimits) => EngineProcess
  /** For what a person waits for; never behind a run. */
  interactive: EngineHost
  /** For runs. */
  work: EngineHost
  host: ShellHost
  emit: Emit
}

export const badRequest = (method: string, reason: string): PareError =>
  new PareError('bad-request', { method, reason })

function engineSettings({ settings }: Core): EngineSettings {
  const { provider, threads } = settings.get()
  return { providers: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'], threads }
}

function dataReference({ files }: Core, data: DataRecord | undefined): DataReference {
  if (!data) return {}
  return {
    path: data.unpacked ?? files.pathOf(data.file),
    ...(data.tokenizer && { tokenizer: files.pathOf(data.tokenizer) }),
    ...data.spec,
    ...data.roles,
    ...(data.preprocessing && { preprocessing: data.preprocessing }),
    ...(data.classes && { classes: data.classes }),
    ...(data.splits && { splits: data.splits }),
  }
}

/** Model, data and settings of a project, for a job. Throws `bad-request` where there is no model yet. */
export function modelAndData(core: Core, project: ProjectRecord, method: string): ModelAndData {
  if (!project.model) throw badRequest(method, 'Choose a model first.')
  return {
    model: core.files.pathOf(project.model.file),
    data: dataReference(core, project.data),
    settings: engineSettings(core),
  }
}

/** The same of a run: what it was started with, whatever the project has now. */
export const modelAndDataOf = (core: Core, run: RunRecord): ModelAndData => ({
  model: core.files.pathOf(run.model.file),
  data: dataReference(core, run.data.record),
  settings: engineSettings(core),
})
