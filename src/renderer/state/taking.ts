/** Files that are handed in: from a drop, a picker or the system. */
import type { DroppedFile } from '../../contract/app'
import { errorData } from '../../contract/errors'
import type { CombineBy } from '../../contract/combine'
import type { FileRef } from '../../contract/project'
import { bytes, whole } from '../lib/format'
import type { App } from './app.svelte'

const IN_FOLDER = /\//
const OF_MODEL = /\.(onnx|ort|onnx[._]data|data)$/i

/** A model beside folders of data is handed over first: it is to be seen while the data is still on its way. */
export function batches(dropped: readonly DroppedFile[]): DroppedFile[][] {
  const loose = dropped.filter(({ relativePath }) => !IN_FOLDER.test(relativePath))
  const folders = dropped.filter(({ relativePath }) => IN_FOLDER.test(relativePath))
  const apart = loose.length > 0 && folders.length > 0
  return apart && loose.every(({ relativePath }) => OF_MODEL.test(relativePath))
    ? [loose, folders]
    : [[...dropped]]
}

export async function takeDropped(app: App, dropped: readonly DroppedFile[]): Promise<void> {
  if (!dropped.length) return
  const controller = new AbortController()
  const began = Date.now()
  const [one] = dropped
  const doing =
    dropped.length === 1 ? `Reading ${one!.relativePath}` : `Reading ${whole(dropped.length)} files`
  app.taking = { doing, cancel: () => controller.abort() }
  const progress = (sent: number, total: number): void => {
    const rate = sent / Math.max(0.001, (Date.now() - began) / 1000)
    const aside = `${bytes(sent)} of ${bytes(total)}, ${bytes(rate)} a second`
    if (app.taking && total > 0) app.taking = { ...app.taking, done: sent / total, aside }
  }
  try {
    let modelTaken = false
    for (const batch of batches(dropped)) {
      const files = await app.host.filesOf(batch, { signal: controller.signal, progress })
      modelTaken = await take(app, files, modelTaken)
    }
  } catch (thrown) {
    const error = errorData(thrown)
    if (error.code !== 'cancelled') app.error = error
  } finally {
    app.taking = undefined
  }
}

/** The project's model becomes the one of several whose scores are joined. */
export async function combine(app: App, by: CombineBy, weights?: number[]): Promise<void> {
  const files = app.several.map(({ id }) => id)
  const project = await app.ask('project.combine', {
    project: app.projectId,
    files,
    by,
    ...(weights && { weights }),
  })
  if (!project) return
  app.show(project)
  app.go('model')
}

/** They go to the open project, or to a new one, at the step they belong to unless one is to `stay`; true where a model was among them. */
export async function take(app: App, files: readonly FileRef[], stay = false): Promise<boolean> {
  if (!files.length) return stay
  const fresh = !app.project
  const project = app.project ?? (await app.ask('projects.create', {}))
  if (!project) return stay
  app.error = undefined
  const result = await app.ask('project.take', {
    project: project.id,
    files: files.map((file) => file.id),
  })
  const kinds = result?.taken.map((file) => file.kind) ?? []
  if (fresh && !kinds.length) await app.ask('projects.remove', { project: project.id })
  else if (result) {
    app.show(result.project)
    if (stay) app.refused = []
    else if (kinds.includes('model')) app.go('model')
    else if (kinds.includes('dataset') || kinds.includes('data-spec')) app.go('data')
    else if (kinds.includes('recipe')) app.go('goal')
  }
  app.refused = result?.refused ?? []
  app.several = result?.several ?? []
  return stay || kinds.includes('model')
}
