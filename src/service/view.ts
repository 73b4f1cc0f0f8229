/** Projects as the window sees them: no paths, and what follows from the records said in words. */
import { createHash } from 'node:crypto'
import type {
  Candidate,
  FileRef,
  Loading,
  OpenedData,
  Project,
  ProjectSummary,
  Run,
  RunStep,
  Sitting,
  SummaryPoint,
} from '../contract/project'
import type { Report } from '../contract/report'
import { pointsLost } from '../contract/points'
import type { CandidateRecord, ProjectRecord, RunRecord, SittingRecord } from './records'
import { staleSteps } from './stale'
import { missed, onFront, verdict, type Placed } from './verdict'

export interface ViewSources {
  file(id: string): FileRef
  /** What is being done right now for a part of a project. */
  doing(project: string, part: 'model' | 'data'): string | undefined
  /** Data that is open and not scored yet. */
  opened(project: string): OpenedData | undefined
  /** Progress of the run that runs; absent for others. */
  live(run: string): (Run['progress'] & { step?: number }) | undefined
  passTitle(pass: string): string
  resumable(run: RunRecord): boolean
}

const candidateId = (run: string, n: number): string => `${run}-${n}`

/** The parts of a candidate's id. */
export function splitCandidateId(id: string): { run: string; n: number } {
  const at = id.lastIndexOf('-')
  return { run: id.slice(0, at), n: Number(id.slice(at + 1)) }
}

/** Reports name files by their names only: paths never reach the window. */
const withoutPath = (report: Report): Report => ({ ...report, path: report.path.split(/[\\/]/).pop() ?? '' })

function loading<T>(
  record: { file: string; value?: T; error?: Extract<Loading<T>, { state: 'failed' }>['error'] } | undefined,
  doing: string,
  sources: ViewSources,
  opened?: OpenedData,
): Loading<T> {
  if (!record) return { state: 'empty' }
  const file = sources.file(record.file)
  if (record.value !== undefined) return { state: 'ready', file, value: record.value }
  if (record.error) return { state: 'failed', file, error: record.error }
  return { state: 'loading', file, doing, ...(opened && { opened }) }
}

export function viewProject(record: ProjectRecord, sources: ViewSources): Project {
  const { id, name, createdAt, updatedAt, goal } = record
  const model = loading(record.model, sources.doing(id, 'model') ?? 'Reading the model', sources)
  const front = frontOf(record)
  return {
    id,
    name,
    createdAt,
    updatedAt,
    model: model.state === 'ready' ? { ...model, value: { ...model.value, path: model.file.name } } : model,
    data: loading(
      record.data,
      sources.doing(id, 'data') ?? 'Waiting for the model',
      sources,
      sources.opened(id),
    ),
    ...(record.data?.roles && { roles: record.data.roles }),
    ...(goal && { goal }),
    runs: record.runs.map((run) => viewRun(run, front, sources)),
    sittings: (record.sittings ?? []).flatMap((sitting) => viewSitting(record, sitting, front)),
    exports: record.exports.map(({ path: _, ...rest }) => rest),
    stale: staleSteps(record, model.state === 'empty' ? '' : model.file.name),
  }
}

/** What was measured, and on what; no path or file name can be read in it. */
const basisOf = ({ model, data }: RunRecord): string =>
  createHash('sha256').update(`${model.sha256} ${data.key}`).digest('hex').slice(0, 16)

/** The front over the candidates of all runs of the same model and data as the newest ones. */
export function frontOf(record: ProjectRecord): Set<string> {
  const newest = record.runs.find((run) => run.candidates.length > 0)
  if (!newest) return new Set()
  const alike = record.runs.filter(
    (run) => run.model.sha256 === newest.model.sha256 && run.data.key === newest.data.key,
  )
  const placed = alike.flatMap((run): Placed[] =>
    run.candidates.map(({ n, report }) => ({ id: candidateId(run.id, n), original: run.original!, report })),
  )
  return onFront(placed)
}

function viewSitting(
  { runs }: ProjectRecord,
  { candidates, original, reports }: SittingRecord,
  front: ReadonlySet<string>,
): Sitting[] {
  const viewed = candidates.flatMap((id, i) => {
    const { run: of, n } = splitCandidateId(id)
    const run = runs.find((one) => one.id === of)
    const candidate = run?.candidates.find((one) => one.n === n)
    return run && candidate
      ? [viewCandidate({ ...run, original }, { ...candidate, report: reports[i]! }, front)]
      : []
  })
  return viewed.length === candidates.length ? [{ original: withoutPath(original), candidates: viewed }] : []
}

export function viewRun(run: RunRecord, front: ReadonlySet<string>, sources: ViewSources): Run {
  const live = sources.live(run.id)
  const { id, project, name, goal, status, createdAt, seconds, curve, trials, explanation, error } = run
  return {
    id,
    project,
    name,
    goal,
    status,
    createdAt,
    seconds,
    progress: live ?? { done: run.done, doing: '' },
    steps: viewSteps(run, live?.step, sources),
    candidates: run.candidates.map((candidate) => viewCandidate(run, candidate, front)),
    ...(run.original && { original: withoutPath(run.original) }),
    basis: basisOf(run),
    ...(curve && { curve }),
    ...(trials && { trials }),
    ...(explanation && { explanation }),
    ...(error && { error }),
    resumable: sources.resumable(run),
  }
}

function viewSteps(run: RunRecord, running: number | undefined, { passTitle }: ViewSources): RunStep[] {
  const recipe = run.recipes[Math.min(run.candidates.length, run.recipes.length - 1)]
  const finished = run.candidates.length >= run.recipes.length ? run.candidates.at(-1)?.steps : undefined
  const records = finished ?? run.steps
  return (recipe?.steps ?? []).map(({ pass }, index): RunStep => {
    const record = records[index]
    const title = passTitle(pass)
    if (!record)
      return { pass, title, state: index === running && run.status === 'running' ? 'running' : 'waiting' }
    const state = !record.failed
      ? 'done'
      : record.error?.code === 'model/nothing-to-do'
        ? 'skipped'
        : 'failed'
    return { pass, title, state, record }
  })
}

/** What a candidate is called beside others: recipes that a search made have names as long as themselves. */
export function candidateName({ goal, candidates }: RunRecord, { n, recipe }: CandidateRecord): string {
  if (goal.kind !== 'search') return recipe.name
  const place = candidates.findIndex((candidate) => candidate.n === n) + 1
  return place === 1 ? 'Best found' : `Found ${place}`
}

function viewCandidate(run: RunRecord, candidate: CandidateRecord, front: ReadonlySet<string>): Candidate {
  const id = candidateId(run.id, candidate.n)
  const { recipe, report } = candidate
  return {
    id,
    run: run.id,
    name: candidateName(run, candidate),
    recipe,
    report: withoutPath(report),
    verdict: verdict(run.goal, run.original!, report),
    onFront: front.has(id),
    insideLimit: missed(run.goal, run.original!, report).length === 0,
  }
}

export function summarise(record: ProjectRecord, sources: ViewSources): ProjectSummary {
  const { id, name, updatedAt } = record
  const nameOf = (file: string | undefined): string | undefined =>
    file ? sources.file(file).name : undefined
  const model = nameOf(record.model?.file)
  const data = nameOf(record.data?.file)
  const made = madeOf(record)
  const result = bestResult(made)
  const [saved] = record.exports
  const [run] = record.runs
  const points = summaryPoints(made)
  return {
    id,
    name,
    updatedAt,
    ...(model && { model }),
    ...(data && { data }),
    ...(result && { result }),
    ...(run && {
      run: {
        id: run.id,
        status: run.status,
        resumable: sources.resumable(run),
        createdAt: run.createdAt,
      },
    }),
    ...(points.length > 0 && { points }),
    ...(saved && { bundle: { id: saved.id, where: saved.where } }),
  }
}

interface Made {
  run: RunRecord
  report: Report
  inside: boolean
}

/** All that was made of the model and the data of the newest run that made some: others stand beside none of it. */
function madeOf({ runs }: ProjectRecord): Made[] {
  const newest = runs.find(({ candidates }) => candidates.length > 0)
  return runs
    .filter(({ candidates }) => candidates.length > 0)
    .filter((run) => basisOf(run) === basisOf(newest!))
    .flatMap((run) =>
      run.candidates.map(({ report }) => ({
        run,
        report,
        inside: missed(run.goal, run.original!, report).length === 0,
      })),
    )
}

const summaryPoints = (made: readonly Made[]): SummaryPoint[] =>
  made.map(({ run: { original }, report, inside }) => ({
    share: report.downloadBytes / original!.downloadBytes,
    pointsLost: pointsLost(original!.quality, report.quality),
    insideLimit: inside,
  }))

/** The smallest candidate inside its limits, in one line: the one that the window has for its best. */
function bestResult(made: readonly Made[]): string | undefined {
  const inside = made.filter((one) => one.inside)
  const [best] = (inside.length ? inside : made).toSorted(
    (a, b) => a.report.downloadBytes - b.report.downloadBytes,
  )
  if (!best) return undefined
  const { run, report } = best
  return `${run.model.name.replace(/\.onnx$/i, '')} · ${verdict(run.goal, run.original!, report)}`
}
