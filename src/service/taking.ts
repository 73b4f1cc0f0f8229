/** What happens to dropped files: each goes where its content belongs, whatever step the window shows. */
import path from 'node:path'
import { errorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import type { CombineRequest } from '../contract/combine'
import type { FileRef } from '../contract/project'
import type { Core } from './core'
import { readSpec } from './data-spec'
import type { Loader } from './loading'
import { readRecipe } from './recipes'

interface Taken {
  taken: FileRef[]
  refused: { name: string; reason: string }[]
  several?: FileRef[]
}

/** Weights that lie beside a model. */
const EXTERNAL = /\.(data|onnx_data|bin|weights?)$|^[^.]+$/i

const UNKNOWN =
  'it is neither an ONNX model, nor data (images, NPZ, CSV, Parquet, JSONL, WAV), nor a recipe, a data spec or a tokenizer.'

export function takeFiles(core: Core, loader: Loader, project: string, ids: readonly string[]): Taken {
  const { files } = core
  const result: Taken = { taken: [], refused: [] }
  const given = ids.map((id) => files.get(id))
  const of = (kind: FileRef['kind']): FileRef[] => given.filter((file) => file.kind === kind)
  const refuse = (file: FileRef, reason: string): void =>
    void result.refused.push({ name: file.name, reason })

  const models = of('model')
  const [model] = models
  const missing = weightsMissing(core, project)
  const late = model ? undefined : given.find(({ name }) => name === missing?.name)
  const beside = of('unknown').filter((file) => model && EXTERNAL.test(file.name))
  if (model) {
    const whole = beside.length > 0 ? files.gather([model, ...beside], model.name) : model
    takeModel(core, project, whole)
    result.taken.push(whole)
  }
  if (models.length > 1) result.several = models
  if (late) {
    takeModel(core, project, files.gather([missing!.model, late], missing!.model.name))
    result.taken.push(late)
  }
  for (const file of of('unknown')) if (!beside.includes(file) && file !== late) refuse(file, UNKNOWN)

  const datasets = of('dataset').filter((file) => file !== late)
  const [data] = datasets
  if (data) {
    const whole = datasets.length > 1 ? files.gather(datasets, `${datasets.length} data files`) : data
    takeData(core, project, whole)
    result.taken.push(whole)
  }
  for (const file of of('tokenizer')) {
    core.store.update(project, ({ data: record }) => {
      if (!record) return
      Object.assign(record, { tokenizer: file.id, value: undefined, error: undefined })
    })
    if (core.store.get(project).data) result.taken.push(file)
    else refuse(file, 'a tokenizer belongs to text data: choose the data first, or drop both together.')
  }
  for (const file of of('data-spec')) {
    try {
      const spec = readSpec(files.pathOf(file.id))
      core.store.update(project, (record) => {
        // What was set by hand before would go before it.
        const { file: own, tokenizer, unpacked, splits } = record.data ?? {}
        if (own) record.data = { file: own, tokenizer, unpacked, splits, spec }
      })
      if (core.store.get(project).data) result.taken.push(file)
      else refuse(file, 'a data spec belongs to data: choose the data first, or drop both together.')
    } catch (thrown) {
      refuse(file, errorMessage(errorData(thrown)).what)
    }
  }
  for (const file of of('recipe')) {
    try {
      const recipe = readRecipe(files.pathOf(file.id), file.name)
      core.store.update(project, (record) => {
        record.goal = { kind: 'recipe', recipe, target: record.goal?.target ?? 'any' }
      })
      result.taken.push(file)
    } catch (thrown) {
      refuse(file, errorMessage(errorData(thrown)).what)
    }
  }
  const changed = core.store.get(project)
  if (model || late) loader.changed(changed, 'model')
  else if (data || of('tokenizer').length + of('data-spec').length > 0) loader.changed(changed, 'data')
  return result
}

/** The file of weights that the project's model names and that did not lie beside it. */
function weightsMissing(
  { files, store }: Core,
  project: string,
): { name: string; model: FileRef } | undefined {
  const { model } = store.get(project)
  if (model?.error?.code !== 'model/external-data-missing' || !files.has(model.file)) return undefined
  return { name: path.basename(model.error.file), model: files.get(model.file) }
}

/** Scores of several models become one, in a model of the project's own. Throws `model/not-combinable`. */
export async function takeCombined(
  core: Core,
  loader: Loader,
  { project, files, ...how }: CombineRequest,
): Promise<void> {
  const models = files.map((id) => core.files.pathOf(id))
  const file = await core.files.make('condition.onnx', (out) =>
    core.interactive.run('combine', { models, out, ...how }, { during: 'joining the scores' }),
  )
  takeModel(core, project, file)
  loader.changed(core.store.get(project), 'model')
}

function takeModel({ store }: Core, project: string, file: FileRef): void {
  store.update(project, (record) => {
    record.model = { file: file.id }
    if (record.name === UNNAMED) record.name = file.name.replace(/\.onnx$/i, '')
    if (record.data) Object.assign(record.data, { value: undefined, error: undefined })
  })
}

function takeData({ store }: Core, project: string, file: FileRef): void {
  store.update(project, (record) => (record.data = { file: file.id }))
}

/** Name of a project until its model gives it one. */
export const UNNAMED = 'New project'
