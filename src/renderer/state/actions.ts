/** What each action of the registry does, and when it can be done. */
import { STEP_IDS, type ActionId } from '../../contract/actions'
import { pickInPage } from '../lib/drop'
import { saveText } from '../lib/save'
import type { App } from './app.svelte'
import { cancelRun, startRun } from './runs'
import { saveBundle } from './bundles'
import { take, takeDropped } from './taking'

interface Handler {
  run(app: App): unknown
  /** Absent: always. */
  when?(app: App): boolean
}

const hasProject = (app: App): boolean => Boolean(app.project)
const hasModel = (app: App): boolean => app.project?.model.state === 'ready'
const running = (app: App): boolean => app.activeRun?.status === 'running'

const ACCEPT = {
  model: '.onnx,.ort,.pb,.json,.data',
  'data-file': '.npz,.npy,.csv,.tsv,.parquet,.jsonl,.json,.txt,.zip',
  recipe: '.json,.pare',
}

/** The native dialog, or the page's own where the shell has none. */
async function pick(app: App, kind: 'model' | 'data-file' | 'data-folder' | 'recipe') {
  if (app.host.shell === 'electron') return (await app.ask('files.pick', { kind })) ?? []
  const dropped = await pickInPage(kind === 'data-folder' ? { folder: true } : { accept: ACCEPT[kind] })
  return dropped.length ? app.host.filesOf(dropped) : []
}

async function openFiles(app: App, kind: 'model' | 'data-file' | 'data-folder'): Promise<void> {
  if (app.host.shell === 'electron') {
    await take(app, await pick(app, kind))
    return
  }
  await takeDropped(
    app,
    await pickInPage(kind === 'data-folder' ? { folder: true } : { accept: ACCEPT[kind] }),
  )
}

async function importRecipe(app: App): Promise<void> {
  const [file] = await pick(app, 'recipe')
  const recipe = file && (await app.ask('recipes.import', { file: file.id }))
  if (!recipe) return
  app.go('goal')
  await app.editor.replace(recipe)
}

async function exportRecipe(app: App): Promise<void> {
  const file = await app.ask('recipes.export', { recipe: app.editor.recipe })
  if (file) saveText(file.name, file.text, 'application/json')
}

async function saveReport(app: App): Promise<void> {
  if (!app.project) return
  const candidates = app.compared.map((candidate) => candidate.id)
  const slots = candidates.map((id) => app.slotOf(id) ?? 0)
  const report = await app.ask('compare.report', { project: app.project.id, candidates, slots })
  if (report) saveText(report.name, report.html, 'text/html')
}

async function rename(app: App): Promise<void> {
  const project = app.project!
  const name = await app.confirm({
    title: 'Rename the project',
    text: '',
    yes: 'Rename',
    value: project.name,
    label: 'Name',
  })
  const renamed =
    name?.trim() && (await app.ask('projects.rename', { project: project.id, name: name.trim() }))
  if (renamed) app.show(renamed)
}

export async function removeProject(app: App, project: { id: string; name: string }): Promise<void> {
  const yes = await app.confirm({
    title: `Remove “${project.name}”?`,
    text: 'Its runs and candidates are deleted. Your model, your data and exported bundles stay where they are.',
    yes: 'Remove',
    danger: true,
  })
  if (yes === null) return
  await app.ask('projects.remove', { project: project.id })
  if (app.project?.id === project.id) app.home()
}

const scaleText = (app: App, by: number): Promise<void> => {
  const next = by === 0 ? 1 : Math.round(((app.settings?.textScale ?? 1) + by) * 10) / 10
  return app.set({ textScale: Math.min(2, Math.max(0.7, next)) })
}

const HANDLERS: Record<ActionId, Handler> = {
  'project.new': { run: (app) => app.home() },
  'project.home': { run: (app) => app.home(), when: hasProject },
  'project.rename': { run: rename, when: hasProject },
  'project.remove': { run: (app) => removeProject(app, app.project!), when: hasProject },
  'model.open': { run: (app) => openFiles(app, 'model') },
  'data.openFile': { run: (app) => openFiles(app, 'data-file') },
  'data.openFolder': { run: (app) => openFiles(app, 'data-folder') },
  'sample.open': { run: (app) => app.openSample(), when: (app) => app.samples.length > 0 },
  'recipe.import': { run: importRecipe, when: hasModel },
  'recipe.export': { run: exportRecipe, when: (app) => app.project?.goal?.kind === 'recipe' },
  'report.save': { run: saveReport, when: (app) => app.compared.length > 0 },
  'bundle.save': { run: (app) => saveBundle(app), when: (app) => app.compared.length > 0 },
  'goal.undo': { run: (app) => app.editor.undo(), when: (app) => hasProject(app) && app.editor.canUndo },
  'goal.redo': { run: (app) => app.editor.redo(), when: (app) => hasProject(app) && app.editor.canRedo },
  palette: { run: (app) => (app.overlay = 'palette') },
  'step.model': { run: (app) => app.go('model'), when: hasProject },
  'step.data': { run: (app) => app.go('data'), when: hasProject },
  'step.goal': { run: (app) => app.go('goal'), when: hasProject },
  'step.compress': { run: (app) => app.go('compress'), when: hasProject },
  'step.compare': { run: (app) => app.go('compare'), when: hasProject },
  'step.export': { run: (app) => app.go('export'), when: hasProject },
  'text.larger': { run: (app) => scaleText(app, 0.1) },
  'text.smaller': { run: (app) => scaleText(app, -0.1) },
  'text.reset': { run: (app) => scaleText(app, 0) },
  'theme.system': { run: (app) => app.set({ theme: 'system' }) },
  'theme.light': { run: (app) => app.set({ theme: 'light' }) },
  'theme.dark': { run: (app) => app.set({ theme: 'dark' }) },
  'run.start': { run: startRun, when: (app) => hasModel(app) && Boolean(app.project?.goal ?? app.proposal) },
  'run.cancel': { run: (app) => cancelRun(app, app.activeRun!), when: (app) => Boolean(app.activeRun) },
  'run.resume': {
    run: (app) => app.ask('runs.resume', { run: app.project!.runs.find((run) => run.resumable)!.id }),
    when: (app) => Boolean(app.project?.runs.some((run) => run.resumable)) && !app.activeRun,
  },
  'run.stopTraining': {
    run: (app) => {
      const { id } = app.activeRun!
      app.live.stopping[id] = true
      return app.ask('runs.stopTraining', { run: id })
    },
    when: (app) => running(app) && app.live.canStop(app.activeRun!),
  },
  'queue.pause': { run: (app) => app.ask('queue.pause', { paused: true }), when: (app) => !app.queue.paused },
  'queue.resume': {
    run: (app) => app.ask('queue.pause', { paused: false }),
    when: (app) => app.queue.paused,
  },
  'queue.stopAfterCurrent': {
    run: (app) => app.ask('queue.stopAfterCurrent', { on: !app.queue.stopAfterCurrent }),
    when: (app) => Boolean(app.queue.running),
  },
  settings: { run: (app) => (app.overlay = 'settings') },
  plugins: { run: (app) => (app.overlay = 'plugins') },
  shortcuts: { run: (app) => (app.overlay = 'shortcuts') },
  about: { run: (app) => (app.overlay = 'about') },
}

export const canDo = (app: App, id: ActionId): boolean => HANDLERS[id].when?.(app) ?? true

export function perform(app: App, id: ActionId): void {
  if (canDo(app, id)) app.background(Promise.resolve(HANDLERS[id].run(app)))
}

export const isActionId = (id: string): id is ActionId => Object.hasOwn(HANDLERS, id)

export const nextStep = (app: App): void => {
  const next = STEP_IDS[STEP_IDS.indexOf(app.step) + 1]
  if (next) app.go(next)
}
