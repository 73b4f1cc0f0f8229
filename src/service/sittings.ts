/** Candidates measured together with the original, timed in turn in one sitting, and kept with the project. */
import { candidateModel, candidateOf } from './candidates'
import { badRequest, modelAndDataOf, type Core } from './core'
import type { ProjectRecord, RunRecord, SittingRecord } from './records'
import { candidateName } from './view'

/** Only of candidates of the same model and data the rows are the same samples. */
export function alike(core: Core, ids: readonly string[]): ReturnType<typeof candidateOf>[] {
  const found = ids.map((id) => candidateOf(core.store, id))
  const [first] = found
  const same = ({ run }: { run: RunRecord }): boolean =>
    run.model.sha256 === first!.run.model.sha256 && run.data.key === first!.run.data.key
  if (!found.every(same))
    throw badRequest('compare', 'These candidates were measured with different models or data.')
  return found
}

const keyOf = (ids: readonly string[]): string => ids.toSorted().join(' ')

/** The sitting that exactly these candidates were in. */
export const sittingOf = (project: ProjectRecord, ids: readonly string[]): SittingRecord | undefined =>
  project.sittings?.find(({ candidates }) => keyOf(candidates) === keyOf(ids))

/** Takes the place of an earlier sitting of the same candidates. Throws what the engine throws, `not-found`, `bad-request`. */
export async function measureTogether(core: Core, project: string, ids: readonly string[]): Promise<void> {
  const found = alike(core, ids)
  const [{ run }] = found as [(typeof found)[0]]
  const { original, candidates } = await core.interactive.run(
    'compare',
    {
      ...modelAndDataOf(core, run),
      candidates: found.map((one, i) => ({
        name: candidateName(one.run, one.candidate),
        model: candidateModel(core.store, ids[i]!),
      })),
      target: run.goal.target,
    },
    {
      during: 'measuring candidates together',
      onEvent: ({ event, data }) => {
        if (event === 'progress') core.emit('task.progress', { project, ...data })
      },
    },
  )
  // What was done to each layer is no part of a measurement.
  const reports = candidates.map((report, i) => {
    const { layers } = found[i]!.candidate.report
    return { ...report, ...(layers && { layers }) }
  })
  core.store.update(project, (record) => {
    const others = (record.sittings ?? []).filter(({ candidates: of }) => keyOf(of) !== keyOf(ids))
    record.sittings = [{ candidates: [...ids], original, reports }, ...others]
  })
}

/** Forgets sittings of a run that is removed. */
export function withoutRun(sittings: readonly SittingRecord[] | undefined, run: string): SittingRecord[] {
  return (sittings ?? []).filter(({ candidates }) => !candidates.some((id) => id.startsWith(`${run}-`)))
}
