import type { ExportRecord } from '../../contract/project'
import { errorData } from '../../contract/errors'
import { saveFrom } from '../lib/save'
import type { App } from './app.svelte'

/** Writes the bundle of the first candidate on show; never overwrites without asking. */
export async function saveBundle(app: App, overwrite = false): Promise<ExportRecord | undefined> {
  const [candidate] = app.compared
  if (!app.project || !candidate) return undefined
  const { target, form, embed } = app
  try {
    const written = await app.host.invoke('export.write', {
      project: app.project.id,
      candidate: candidate.id,
      target,
      form,
      embed,
      overwrite,
    })
    if (written?.download) saveFrom(written.download)
    await app.reload()
    return written?.record
  } catch (thrown) {
    const error = errorData(thrown)
    if (error.code !== 'export/exists' || overwrite) {
      app.error = error
      return undefined
    }
    const yes = await app.confirm({
      title: 'Replace the bundle that is there?',
      text: error.path,
      yes: 'Replace',
      danger: true,
    })
    return yes === null ? undefined : saveBundle(app, true)
  } finally {
    delete app.live.tasks[app.projectId]
  }
}
