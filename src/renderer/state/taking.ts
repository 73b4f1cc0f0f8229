/** Files that are handed in: from a drop, a picker or the system. */
import type { DroppedFile } from '../../contract/app'
import { errorData } from '../../contract/errors'
import type { FileRef } from '../../contract/project'
import type { App } from './app.svelte'

export async function takeDropped(app: App, dropped: readonly DroppedFile[]): Promise<void> {
  if (!dropped.length) return
  app.taking =
    dropped.length === 1 ? `Reading ${dropped[0]!.relativePath}` : `Reading ${dropped.length} files`
  try {
    await take(app, await app.host.filesOf(dropped))
  } catch (thrown) {
    app.error = errorData(thrown)
  } finally {
    app.taking = undefined
  }
}

/** They go to the open project, or to a new one. */
export async function take(app: App, files: readonly FileRef[]): Promise<void> {
  if (!files.length) return
  const fresh = !app.project
  const project = app.project ?? (await app.ask('projects.create', {}))
  if (!project) return
  app.error = undefined
  const result = await app.ask('project.take', {
    project: project.id,
    files: files.map((file) => file.id),
  })
  const kinds = result?.taken.map((file) => file.kind) ?? []
  if (fresh && !kinds.length) await app.ask('projects.remove', { project: project.id })
  else if (result) {
    app.show(result.project)
    if (kinds.includes('model')) app.go('model')
    else if (kinds.includes('dataset')) app.go('data')
    else if (kinds.includes('recipe')) app.go('goal')
  }
  app.refused = result?.refused ?? []
}
