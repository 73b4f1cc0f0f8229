/** Every method of the contract, on the parts of the service. */
import os from 'node:os'
import type { AppInfo } from '../contract/app'
import type { Handlers, Parts } from './parts'
import { compareHandlers } from './comparing'
import { badRequest, modelAndData } from './core'
import { pluginHandlers } from './plugins'
import { fileName, readRecipe, recipeText } from './recipes'
import type { ProjectRecord, RunRecord } from './records'
import { candidateModel } from './candidates'
import { sensitivitiesOf } from './runs'
import { findSample, sampleInfos } from './samples'
import { takeCombined, takeFiles, UNNAMED } from './taking'
import { frontOf, summarise, viewProject, viewRun } from './view'

export function handlersOf(parts: Parts): Handlers {
  return {
    ...appHandlers(parts),
    ...pluginHandlers(parts),
    ...projectHandlers(parts),
    ...dataHandlers(parts),
    ...runHandlers(parts),
    ...compareHandlers(parts),
  }
}

const view = ({ core, sources }: Parts, id: string): ReturnType<typeof viewProject> =>
  viewProject(core.store.get(id), sources)

function appHandlers({ core, about, catalogue, exports }: Parts) {
  return {
    'app.info': async (): Promise<AppInfo> => ({
      version: about.version,
      shell: about.shell,
      platform: process.platform,
      providers: await core.interactive.run('providers', undefined, { during: 'looking for devices' }),
      cores: os.availableParallelism(),
      memoryBytes: os.totalmem(),
    }),
    'app.about': () => ({ version: about.version, licences: about.licences }),
    'settings.get': () => core.settings.get(),
    'settings.set': (change) => {
      const settings = core.settings.set(change)
      // An engine keeps the budget it was started with.
      if (change.memory !== undefined) for (const host of [core.interactive, core.work]) host.renew()
      core.emit('settings.changed', {})
      return settings
    },
    'place.get': () => ({ address: core.place.get() }),
    'place.set': ({ address }) => core.place.set(address),
    'notices.list': () => core.aside.notices(),
    'notices.dismiss': ({ notice }) => core.aside.dismiss(notice),
    'passes.list': () => catalogue.passes(),
    'targets.list': () => catalogue.targets(),
    'tasks.list': () => catalogue.tasks(),
    'recipes.presets': () => catalogue.presets(),
    'recipes.import': ({ file }) => readRecipe(core.files.pathOf(file), core.files.get(file).name),
    'recipes.export': ({ recipe }) => ({
      name: `${fileName(recipe.name)}.recipe.json`,
      text: recipeText(recipe),
    }),
    'recipes.check': async ({ project, recipe }) => {
      const input = modelAndData(core, core.store.get(project), 'recipes.check')
      const problems = await core.interactive.run(
        'checkRecipe',
        { ...input, recipe },
        { during: 'checking the recipe' },
      )
      return { ok: problems.length === 0, problems }
    },
    'recipes.expect': ({ project, recipe }) => {
      const input = modelAndData(core, core.store.get(project), 'recipes.expect')
      return core.interactive.run('expect', { ...input, recipe }, { during: 'timing the model' })
    },
    'export.plan': (input) => exports.plan(input),
    'export.write': (input) => exports.write(input),
    'export.show': ({ export: id }) => core.host.reveal?.(exports.pathOf(id)),
    'export.drag': ({ export: id }) => core.host.drag?.(exports.pathOf(id)),
  } satisfies Partial<Handlers>
}

function projectHandlers(parts: Parts) {
  const { core, loader, runs, sittings, sources } = parts
  const projectsChanged = (): void => core.emit('projects.changed', {})
  const create = (name = UNNAMED): ProjectRecord => {
    const record = core.store.create(name)
    projectsChanged()
    return record
  }
  return {
    'projects.list': () => core.store.all().map((record) => summarise(record, sources)),
    'projects.create': ({ name }) => view(parts, create(name).id),
    'projects.get': ({ project }) => {
      loader.catchUp(core.store.get(project))
      return view(parts, project)
    },
    'projects.rename': ({ project, name }) => {
      core.store.get(project)
      core.store.update(project, (record) => (record.name = name))
      projectsChanged()
      return view(parts, project)
    },
    'projects.remove': ({ project }) => {
      for (const run of [...core.store.get(project).runs]) runs.remove(run.id)
      loader.stop(project)
      sittings.stop(project)
      core.store.remove(project)
      // A project that cannot be read may be put right again: its files must then be there.
      if (!core.aside.keeps('project')) core.files.keepOnly(filesInUse(core.store.all()))
      projectsChanged()
    },
    'samples.list': () => sampleInfos(core.resourcesDir),
    'samples.open': ({ sample: id }) => {
      const sample = findSample(core.resourcesDir, id)
      const project = create(sample.title)
      const ids = [sample.model, sample.data].map((file) => core.files.adopt(file).id)
      takeFiles(core, loader, project.id, ids)
      core.store.update(project.id, (record) => {
        record.goal = sample.goal
        if (sample.spec) record.data!.spec = sample.spec
      })
      if (sample.spec) loader.changed(core.store.get(project.id), 'data')
      return view(parts, project.id)
    },
    'files.pick': async ({ kind }) => {
      const picked = await core.host.pick?.(kind)
      return picked ? picked.map((file) => core.files.adopt(file)) : null
    },
    'files.begin': ({ name, folder }) => ({ upload: core.files.begin(name, folder) }),
    'files.finish': ({ upload }) => core.files.finish(upload),
    'project.take': ({ project, files }) => {
      core.store.get(project)
      const result = takeFiles(core, loader, project, files)
      projectsChanged()
      return { project: view(parts, project), ...result }
    },
    'project.combine': async (request) => {
      core.store.get(request.project)
      await takeCombined(core, loader, request)
      projectsChanged()
      return view(parts, request.project)
    },
    'project.setGoal': ({ project, goal }) => {
      core.store.get(project)
      core.store.update(project, (record) => (record.goal = goal))
      return view(parts, project)
    },
    'project.clearData': ({ project }) => {
      core.store.get(project)
      loader.stop(project)
      core.store.update(project, (record) => delete record.data)
      loader.catchUp(core.store.get(project))
      return view(parts, project)
    },
  } satisfies Partial<Handlers>
}

function filesInUse(projects: readonly ProjectRecord[]): Set<string> {
  const used = new Set<string>()
  for (const { model, data, runs } of projects)
    for (const id of [
      model?.file,
      data?.file,
      data?.tokenizer,
      ...runs.flatMap((run) => [run.model.file, run.data.record?.file, run.data.record?.tokenizer]),
    ])
      if (id) used.add(id)
  return used
}

function dataHandlers(parts: Parts) {
  const { core, loader } = parts
  const reread = (project: string, change: (data: NonNullable<ProjectRecord['data']>) => void): void => {
    if (!core.store.get(project).data) throw badRequest('data', 'Choose data first.')
    core.store.update(project, ({ data }) => {
      change(data!)
      delete data!.value
      delete data!.error
    })
    loader.changed(core.store.get(project), 'data')
  }
  return {
    'data.samples': ({ project, split, offset, limit }) => {
      const input = modelAndData(core, core.store.get(project), 'data.samples')
      return core.interactive.run(
        'samples',
        { ...input, split, offset, limit },
        { during: 'reading samples' },
      )
    },
    'data.setPreprocessing': ({ project, preprocessing, classes }) => {
      reread(project, (data) => Object.assign(data, { preprocessing, classes }))
      return view(parts, project)
    },
    'data.setRoles': ({ project, roles }) => {
      // What was found of the samples was found with other labels.
      reread(project, (data) => Object.assign(data, { roles, preprocessing: undefined, classes: undefined }))
      return view(parts, project)
    },
    'data.setSplits': ({ project, calibration, validation, seed }) => {
      reread(project, (data) => (data.splits = { calibration, validation, seed }))
      return view(parts, project)
    },
    'data.findPreprocessing': async ({ project }) => {
      await loader.findPreprocessing(project, 'always')
      return view(parts, project)
    },
    'model.histogram': ({ project, layer, candidate }) => {
      const { model } = modelAndData(core, core.store.get(project), 'model.histogram')
      const other = candidate === undefined ? undefined : candidateModel(core.store, candidate)
      return core.interactive.run(
        'histogram',
        { model, layer, ...(other && { candidate: other }) },
        { during: 'reading weights' },
      )
    },
    'model.sensitivity': ({ project }) => {
      const input = modelAndData(core, core.store.get(project), 'model.sensitivity')
      return core.interactive.run(
        'sensitivity',
        { ...input, sensitivities: sensitivitiesOf(core) },
        {
          during: 'measuring sensitivity',
          onEvent: (event) => {
            if (event.event === 'progress') core.emit('task.progress', { project, ...event.data })
          },
        },
      )
    },
    'model.diff': ({ project, candidate }) => {
      const { model } = modelAndData(core, core.store.get(project), 'model.diff')
      const other = candidate === undefined ? undefined : candidateModel(core.store, candidate)
      return core.interactive.run(
        'diff',
        { model, ...(other && { candidate: other }) },
        { during: 'comparing the graphs' },
      )
    },
    'model.node': ({ project, candidate, node }) => {
      const { model } = modelAndData(core, core.store.get(project), 'model.node')
      const other = candidate === undefined ? undefined : candidateModel(core.store, candidate)
      return core.interactive.run(
        'node',
        { model, node, ...(other && { candidate: other }) },
        { during: 'reading the graph' },
      )
    },
    'model.costs': ({ project, candidate }) => {
      const { model } = modelAndData(core, core.store.get(project), 'model.costs')
      const of = candidate === undefined ? model : candidateModel(core.store, candidate)
      return core.interactive.run('costs', { model: of }, { during: 'tracing shapes' })
    },
  } satisfies Partial<Handlers>
}

function runHandlers({ core, runs, sources }: Parts) {
  const shown = (run: RunRecord): ReturnType<typeof viewRun> =>
    viewRun(run, frontOf(core.store.get(run.project)), sources)
  return {
    'runs.start': async ({ project, goal }) => shown(await runs.start(project, goal)),
    'runs.get': ({ run }) => shown(core.store.run(run)),
    'runs.cancel': ({ run }) => shown(runs.cancel(run)),
    'runs.resume': ({ run }) => shown(runs.resume(run)),
    'runs.stopTraining': ({ run }) => runs.stopTraining(run),
    'runs.remove': ({ run }) => runs.remove(run),
    'queue.get': () => runs.state(),
    'queue.pause': ({ paused }) => runs.pause(paused),
    'queue.reorder': ({ order }) => runs.reorder(order),
    'queue.stopAfterCurrent': ({ on }) => runs.setStopAfterCurrent(on),
  } satisfies Partial<Handlers>
}
