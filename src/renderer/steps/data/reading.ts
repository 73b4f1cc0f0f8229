/** Finding and choosing the way data is read. */
import { SPLITS } from '../../../contract/dataset'
import type { LoadedData, PreprocessingTrial } from '../../../contract/project'
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

/** More than half of the samples prove nothing, and it was Pare that shared them out. */
function hasMore({ splits }: LoadedData['summary']): boolean {
  const all = SPLITS.reduce((sum, name) => sum + splits[name].samples, 0)
  return SPLITS.every((name) => splits[name].origin === 'made') && splits.validation.samples < 0.45 * all
}

/** What should be done about the data before anything is measured on it; undefined where nothing has to be, or can. */
export function adviceOn({
  trials,
  doubts: [gravest],
  summary,
}: LoadedData): 'read' | 'find' | 'half' | undefined {
  if (trials?.some(({ better }) => better)) return 'read'
  if (gravest?.kind === 'guessing') return 'find'
  return gravest?.kind === 'few-samples' && hasMore(summary) ? 'half' : undefined
}
