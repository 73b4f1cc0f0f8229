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

/** The newest sitting that all of these candidates were in, so that leaving one out changes no figure of the others. */
export const sittingOf = (project: ProjectRecord, ids: readonly string[]): SittingRecord | undefined =>
  project.sittings?.find(({ candidates }) => ids.every((id) => candidates.includes(id)))

/** What is being measured: of one project one set of candidates at a time. */
export class Sittings {
  private readonly going = new Map<
    string,
    { key: string; controller: AbortController; done: Promise<void> }
  >()

  constructor(private readonly core: Core) {}

  /**
   * Begins, or waits for what has begun; of other candidates of the project it takes the place. Throws what the engine
   * throws, `not-found`, `bad-request`, `cancelled`.
   */
  measure(project: string, ids: readonly string[]): Promise<void> {
    const key = keyOf(ids)
    const known = this.going.get(project)
    if (known?.key === key) return known.done
    this.stop(project)
    const controller = new AbortController()
    const done = measureTogether(this.core, project, ids, controller.signal).finally(() => {
      if (this.going.get(project)?.controller === controller) this.going.delete(project)
    })
    this.going.set(project, { key, controller, done })
    return done
  }

  stop(project: string): void {
    this.going.get(project)?.controller.abort()
    this.going.delete(project)
  }
}

/** Takes the place of an earlier sitting of the same candidates, or of some of them. */
async function measureTogether(
  core: Core,
  project: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const found = alike(core, ids)
  const [{ run }] = found as [(typeof found)[0]]
  // Nobody need have asked: it runs where runs do and gives way to them, as times taken beside a run would be wrong.
  const { original, candidates } = await core.work.run(
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
      signal,
      background: true,
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
    const others = (record.sittings ?? []).filter(({ candidates: of }) => !of.every((id) => ids.includes(id)))
    record.sittings = [{ candidates: [...ids], original, reports }, ...others]
  })
}

/** Forgets sittings of a run that is removed. */
export function withoutRun(sittings: readonly SittingRecord[] | undefined, run: string): SittingRecord[] {
  return (sittings ?? []).filter(({ candidates }) => !candidates.some((id) => id.startsWith(`${run}-`)))
}
