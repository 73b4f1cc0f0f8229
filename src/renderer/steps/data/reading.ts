/** Finding and choosing the way data is read. */
import type { PreprocessingTrial } from '../../../contract/project'
import type { App } from '../../state/app.svelte'

export type Reading = Pick<PreprocessingTrial, 'preprocessing' | 'classes'>

export async function findReading(app: App): Promise<void> {
  const project = await app.work('data.findPreprocessing', { project: app.projectId })
  if (project) app.show(project)
}

/** False where it was refused; the app has said why. */
export async function useReading(app: App, { preprocessing, classes }: Reading): Promise<boolean> {
  const project = await app.ask('data.setPreprocessing', { project: app.projectId, preprocessing, classes })
  if (project) app.show(project)
  return project !== undefined
}
