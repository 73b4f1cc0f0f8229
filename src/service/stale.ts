/** Which steps show results that no longer belong to what is chosen now. Pure. */
import type { Project } from '../contract/project'
import { dataKey, type ProjectRecord } from './records'

type Stale = Project['stale']

export function staleSteps(project: ProjectRecord, modelName: string): Stale {
  const last = project.runs.find((run) => run.candidates.length > 0)
  if (!last) return []
  const stale: Stale = []
  const results = (reason: string): void => {
    for (const step of ['compress', 'compare', 'export'] as const) stale.push({ step, reason })
  }
  const { model } = project
  if (model && model.file !== last.model.file && model.value?.sha256 !== last.model.sha256)
    results(
      `The results are of “${last.model.name}”; the model is now “${modelName}”. Run again to compare like with like.`,
    )
  else if (dataKey(project.data) !== last.data.key)
    results(
      'The results were measured on other data, or on the same data read in another way. Run again to bring them up to date.',
    )
  else if (project.goal && JSON.stringify(project.goal) !== JSON.stringify(last.goal))
    stale.push({
      step: 'compress',
      reason: 'The goal has changed since the last run. Run again to follow it.',
    })
  return stale
}
