/**
 * The one typed contract between the window and the service: one map of methods, one map of events.
 * Every handler validates its input with the schema here; every transport is typed by these maps.
 */
import { z } from 'zod'
import {
  SAMPLE_FILTERS,
  type GraphDiff,
  type NodeCost,
  type NodeDetail,
  type OperatorTime,
  type SampleDetail,
  type SamplePage,
  type WeightHistogram,
} from './compare'
import { DataRoles, Preprocessing, SPLITS, type SamplePreview, type TaskDescription } from './dataset'
import type { ErrorData } from './errors'
import { Goal } from './goal'
import type { PassDescription } from './passes'
import type { PluginDescription } from './plugins'
import { CombineRequest } from './combine'
import type { BundlePlan, ExportRecord, FileRef, Project, ProjectSummary, Run } from './project'
import { Recipe, type Preset } from './recipe'
import type { TrialPoint } from './trial'
import type { SensitivityReport } from './sensitivity'
import type { TargetDescription } from './targets'

interface Method<I extends z.ZodType = z.ZodType, O = unknown> {
  input: I
  /** Exists in types only. */
  output?: O
}

const method =
  <O>() =>
  <I extends z.ZodType>(input: I): Method<I, O> => ({ input })

const nothing = z.undefined()
const id = z.string().min(1).max(100)
const slot = z.int().min(0).max(2)
const page = { offset: z.int().nonnegative(), limit: z.int().min(1).max(500) }

/** Threads within an operator. */
export const MOST_THREADS = 256

const settingsFields = {
  theme: z.enum(['system', 'light', 'dark']),
  textScale: z.number().min(0.7).max(2),
  provider: z.string(),
  threads: z.int().min(0).max(MOST_THREADS),
  /** Mebibytes a job may take; 0 = half of what is free, and 512 at least. */
  memory: z
    .int()
    .min(0)
    .max(2 ** 22),
  notifications: z.boolean(),
}

/** Absolute paths of files or folders. */
const pluginPlaces = z.array(z.string()).max(100)

export const Settings = z.strictObject({
  theme: settingsFields.theme.default('system'),
  textScale: settingsFields.textScale.default(1),
  provider: settingsFields.provider.default('cpu'),
  threads: settingsFields.threads.default(0),
  memory: settingsFields.memory.default(0),
  notifications: settingsFields.notifications.default(true),
  /** In the order in which they are loaded. Changed by `plugins.add` and `plugins.remove`. */
  plugins: pluginPlaces.default([]),
})

/** Only what is given changes; a field with a default would be put back to it by every other change. */
const SettingsChange = z.strictObject(settingsFields).partial()
export type Settings = z.output<typeof Settings>

export interface AppInfo {
  version: string
  shell: 'electron' | 'browser'
  platform: string
  providers: { id: string; title: string; available: boolean; reason?: string }[]
  cores: number
  memoryBytes: number
}

/** Something that happened to the app itself, told until it is dismissed. */
export interface AppNotice {
  id: string
  /** ISO 8601. */
  at: string
  error: ErrorData
}

export interface SampleInfo {
  id: string
  title: string
  description: string
  /** What one comes to see with it, in one line. */
  shows: string
  /** What the search of its goal may take. */
  minutes: number
  /** A data address. */
  picture: string
}

export const methods = {
  'app.info': method<AppInfo>()(nothing),
  'settings.get': method<Settings>()(nothing),
  'settings.set': method<Settings>()(SettingsChange),
  /** Licences and links of what Pare is made of, as text. */
  'app.about': method<{ version: string; licences: string }>()(nothing),

  /** Where the last window was, as its address said it; empty at home. */
  'place.get': method<{ address: string }>()(nothing),
  'place.set': method<void>()(z.strictObject({ address: z.string().max(4000) })),

  /** Newest first; kept over restarts until dismissed. */
  'notices.list': method<AppNotice[]>()(nothing),
  'notices.dismiss': method<void>()(z.strictObject({ notice: id })),

  'projects.list': method<ProjectSummary[]>()(nothing),
  'projects.create': method<Project>()(z.strictObject({ name: z.string().max(200).optional() })),
  'projects.get': method<Project>()(z.strictObject({ project: id })),
  'projects.rename': method<Project>()(z.strictObject({ project: id, name: z.string().min(1).max(200) })),
  'projects.remove': method<void>()(z.strictObject({ project: id })),

  'samples.list': method<SampleInfo[]>()(nothing),
  /** A new project with the sample's model and data in place. */
  'samples.open': method<Project>()(z.strictObject({ sample: id })),

  /** Native dialog where the shell has one; null when dismissed or when the window must upload instead. */
  'files.pick': method<FileRef[] | null>()(
    z.strictObject({ kind: z.enum(['model', 'data-file', 'data-folder', 'recipe']) }),
  ),
  /** Starts an upload (browser shell); bytes are streamed beside the contract, then `files.finish`. */
  'files.begin': method<{ upload: string }>()(
    z.strictObject({ name: z.string().min(1).max(500), folder: z.boolean() }),
  ),
  'files.finish': method<FileRef>()(z.strictObject({ upload: id })),

  /** Takes dropped files in any step: models, datasets, recipes and tokenizers are told apart by content. */
  'project.take': method<{
    project: Project
    taken: FileRef[]
    refused: { name: string; reason: string }[]
    /** All models of the drop, where there are more than the one that was taken. */
    several?: FileRef[]
  }>()(z.strictObject({ project: id, files: z.array(id).min(1).max(100) })),
  /** Joins scores of several models into one, which becomes the project's model. */
  'project.combine': method<Project>()(CombineRequest),
  'project.setGoal': method<Project>()(z.strictObject({ project: id, goal: Goal })),
  'project.clearData': method<Project>()(z.strictObject({ project: id })),

  'model.histogram': method<WeightHistogram>()(
    z.strictObject({ project: id, layer: z.string(), candidate: id.optional() }),
  ),
  'model.diff': method<GraphDiff>()(z.strictObject({ project: id, candidate: id.optional() })),

  /** One operator of the diff, by its id there, as each of the two models has it. */
  'model.node': method<NodeDetail>()(
    z.strictObject({ project: id, candidate: id.optional(), node: z.string().max(10_000) }),
  ),
  /** Shapes and costs of the operators of the candidate, or of the original; none where the model does not run. */
  'model.costs': method<Record<string, NodeCost>>()(
    z.strictObject({ project: id, candidate: id.optional() }),
  ),

  /** What each layer tolerates, measured now on calibration samples; progress by events. */
  'model.sensitivity': method<SensitivityReport>()(z.strictObject({ project: id })),

  'data.samples': method<{ total: number; samples: SamplePreview[] }>()(
    z.strictObject({ project: id, split: z.enum(SPLITS), ...page }),
  ),
  'data.setPreprocessing': method<Project>()(
    z.strictObject({
      project: id,
      preprocessing: Preprocessing,
      /** The order of the model's outputs, as a trial found it. */
      classes: z.array(z.string()).max(100_000).optional(),
    }),
  ),
  /** The label, the columns of inputs, the task and the output judged, as a person says; reads the data anew. */
  'data.setRoles': method<Project>()(z.strictObject({ project: id, roles: DataRoles })),
  'data.setSplits': method<Project>()(
    z.strictObject({
      project: id,
      calibration: z.number().min(0).max(1),
      validation: z.number().min(0).max(1),
      seed: z.int(),
    }),
  ),
  /** Tries the usual variants and scores them; progress by events, result in the project. */
  'data.findPreprocessing': method<Project>()(z.strictObject({ project: id })),

  /** What the settings name, each with what it brings or why it is not in use. */
  'plugins.list': method<PluginDescription[]>()(nothing),
  /**
   * Loads it beside the others and keeps it; without a place a native dialog asks for a folder. Null where that was
   * dismissed, or the shell has none. Throws `plugin/failed`, and then nothing has changed.
   */
  'plugins.add': method<PluginDescription[] | null>()(
    z.strictObject({ place: z.string().min(1).max(4000).optional() }),
  ),
  'plugins.remove': method<PluginDescription[]>()(z.strictObject({ place: z.string() })),

  'passes.list': method<PassDescription[]>()(nothing),
  'targets.list': method<TargetDescription[]>()(nothing),
  'tasks.list': method<TaskDescription[]>()(nothing),
  'recipes.presets': method<Preset[]>()(nothing),
  /** Checks parameters and needs against the project's model and data without running. */
  'recipes.check': method<{ ok: boolean; problems: { step: number; message: string }[] }>()(
    z.strictObject({ project: id, recipe: Recipe }),
  ),
  /** What a run of it will take on this machine, and the bytes of the file it makes: estimates, from one timed run of the model. */
  'recipes.expect': method<{ seconds: number; bytes: number }>()(
    z.strictObject({ project: id, recipe: Recipe }),
  ),
  'recipes.import': method<Recipe>()(z.strictObject({ file: id })),
  /** Gives the text; the window offers it as a file. */
  'recipes.export': method<{ name: string; text: string }>()(z.strictObject({ recipe: Recipe })),

  /** Queues a run of the project's goal. */
  'runs.start': method<Run>()(z.strictObject({ project: id, goal: Goal.optional() })),
  'runs.get': method<Run>()(z.strictObject({ run: id })),
  'runs.cancel': method<Run>()(z.strictObject({ run: id })),
  'runs.resume': method<Run>()(z.strictObject({ run: id })),
  /** Ends training early and keeps the best weights so far. */
  'runs.stopTraining': method<void>()(z.strictObject({ run: id })),
  'runs.remove': method<void>()(z.strictObject({ run: id })),
  'queue.get': method<{ running?: string; waiting: string[]; paused: boolean; stopAfterCurrent: boolean }>()(
    nothing,
  ),
  'queue.pause': method<void>()(z.strictObject({ paused: z.boolean() })),
  'queue.reorder': method<void>()(z.strictObject({ order: z.array(id) })),
  'queue.stopAfterCurrent': method<void>()(z.strictObject({ on: z.boolean() })),

  'compare.samples': method<SamplePage>()(
    z.strictObject({
      project: id,
      candidates: z.array(id).min(1).max(3),
      filter: z.enum(SAMPLE_FILTERS),
      class: z.int().nonnegative().optional(),
      ...page,
    }),
  ),
  'compare.sample': method<SampleDetail>()(
    z.strictObject({ project: id, candidates: z.array(id).min(1).max(3), index: z.int().nonnegative() }),
  ),
  /** As they look, for a gallery: those of the candidate's validation samples that are named. */
  'compare.previews': method<SamplePreview[]>()(
    z.strictObject({ project: id, candidate: id, samples: z.array(z.int().nonnegative()).max(100) }),
  ),
  'compare.operators': method<OperatorTime[]>()(z.strictObject({ project: id, candidate: id })),
  /**
   * Measures them anew together with the original, timed in turn, when no run is going on; progress by events, result
   * in the project. Asked twice it is done once; asked for others of the project meanwhile, it ends as `cancelled`.
   */
  'compare.together': method<Project>()(
    z.strictObject({ project: id, candidates: z.array(id).min(2).max(3) }),
  ),
  'compare.stop': method<void>()(z.strictObject({ project: id })),
  /** The self-contained HTML report as text; `slots`, from 0, are the colours that candidates have in the window. */
  'compare.report': method<{ name: string; html: string }>()(
    z.strictObject({ project: id, candidates: z.array(id).min(1).max(3), slots: z.array(slot).optional() }),
  ),

  'export.plan': method<BundlePlan>()(
    z.strictObject({ project: id, candidate: id, target: id, embed: z.boolean().default(false) }),
  ),
  /**
   * Writes the bundle. Under Electron a native dialog asks where; in the browser shell it goes to the exports
   * folder and `download` is a one-time address. Null when the dialog was dismissed.
   */
  'export.write': method<{ record: ExportRecord; download?: string } | null>()(
    z.strictObject({
      project: id,
      candidate: id,
      target: id,
      form: z.enum(['zip', 'folder']),
      overwrite: z.boolean().default(false),
      /** Preprocessing and class names become part of the model. */
      embed: z.boolean().default(false),
    }),
  ),
  'export.show': method<void>()(z.strictObject({ export: id })),
  /** The pointer takes the bundle out of the window as a file; only where the shell can hand files over. */
  'export.drag': method<void>()(z.strictObject({ export: id })),
} satisfies Record<string, Method>

type Methods = typeof methods
export type MethodName = keyof Methods
export type MethodInput<M extends MethodName> = z.input<Methods[M]['input']>
export type MethodParsed<M extends MethodName> = z.output<Methods[M]['input']>
export type MethodOutput<M extends MethodName> = Methods[M] extends Method<z.ZodType, infer O> ? O : never

/** State lives in the backend; an event says what changed and the window asks again, except for live progress. */
export interface Events {
  'project.changed': { project: string }
  'projects.changed': Record<string, never>
  'run.progress': {
    run: string
    project: string
    done: number
    doing: string
    etaSeconds?: number
    step?: number
  }
  'run.point': { run: string; project: string; epoch: number; loss: number; quality?: number }
  /** A search has tried a recipe. */
  'run.trial': { run: string; project: string; trial: TrialPoint }
  'run.ended': { run: string; project: string; status: string; title: string; message: string }
  'queue.changed': Record<string, never>
  'settings.changed': Record<string, never>
  /** What passes, targets, tasks and presets there are may be different. */
  'plugins.changed': Record<string, never>
  /** Work that is no run: reading a model, scoring the baseline, trying preprocessing. */
  'task.progress': { project: string; done: number; doing: string }
  /** The engine process died and was started again. */
  'engine.restarted': { reason: string }
  /** Files handed over by the system (second instance, file association, a drop on the dock icon). */
  'files.opened': { files: FileRef[] }
  /** An action chosen in the native menu. */
  'menu.action': { action: string }
}

export type EventName = keyof Events

/** What a shell gives the window: the preload bridge or the WebSocket client. */
export interface Host {
  readonly shell: 'electron' | 'browser'
  invoke<M extends MethodName>(name: M, input: MethodInput<M>): Promise<MethodOutput<M>>
  on<E extends EventName>(name: E, listener: (event: Events[E]) => void): () => void
  /** Files or folders dropped on or picked in the page, as file refs; rejects with `cancelled` where the signal says so. */
  filesOf(files: readonly DroppedFile[], options?: Handing): Promise<FileRef[]>
}

/** While files are handed over. */
interface Handing {
  signal?: AbortSignal
  /** Bytes that have arrived, of all. */
  progress?: (sent: number, total: number) => void
}

/** A browser File with the path inside its dropped folder; typed loosely so that this room needs no DOM. */
export interface DroppedFile {
  file: unknown
  /** 'digits/3/0001.png' for a file of a dropped folder, else the bare name. */
  relativePath: string
}
