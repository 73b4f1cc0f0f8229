/** What the rail says about each step, from the project alone. */
import { STEP_IDS, STEP_TITLES, type StepId } from '../../contract/actions'
import type { Doubt } from '../../contract/dataset'
import type { Candidate, Project, Run, Sitting } from '../../contract/project'
import type { Report } from '../../contract/report'
import { plural } from '../../contract/format'
import { lossSaid } from '../../contract/metrics'
import { downloadText } from '../../contract/verdict'
import { bytes, count, typeset } from '../lib/format'
import { qualitySaid } from '../lib/metrics'
import { goalLine } from './goals'

export type StepState = 'done' | 'ready' | 'later' | 'busy' | 'failed'

interface StepInfo {
  id: StepId
  title: string
  state: StepState
  /** The one-line result, or the reason why not yet. */
  line: string
  stale?: string
}

type Line = Pick<StepInfo, 'state' | 'line'>

export const candidatesOf = (project: Project): Candidate[] => project.runs.flatMap((run) => run.candidates)

const runOf = (project: Project, candidate: Candidate): Run | undefined =>
  project.runs.find(({ id }) => id === candidate.run)

/** Equal where candidates may stand side by side. */
export const basisOf = (project: Project, candidate: Candidate): string =>
  runOf(project, candidate)?.basis ?? ''

/** What the candidate was measured beside. */
const originalOf = (project: Project, candidate: Candidate): Report | undefined =>
  runOf(project, candidate)?.original

/** The newest sitting that all of these were in, so that leaving one out changes no figure of the others. */
const sittingOf = (project: Project, candidates: readonly Candidate[]): Sitting | undefined =>
  project.sittings.find((sitting) =>
    candidates.every(({ id }) => sitting.candidates.some((one) => one.id === id)),
  )

/** Candidates with the figures that belong together, and the originals those were taken beside. */
export function measuredOf(
  project: Project,
  candidates: readonly Candidate[],
): { candidates: Candidate[]; originals: Report[] } {
  const sitting = sittingOf(project, candidates)
  const figures = candidates.map((one) => sitting?.candidates.find(({ id }) => id === one.id) ?? one)
  const originals = figures.map((one) => sitting?.original ?? originalOf(project, one)!)
  return { candidates: figures, originals }
}

export const isActive = (run: Run): boolean => run.status === 'running' || run.status === 'queued'

export function bestOf(project: Project): Candidate | undefined {
  const inside = candidatesOf(project).filter((candidate) => candidate.insideLimit)
  const pool = inside.length ? inside : candidatesOf(project)
  return pool.reduce<Candidate | undefined>(
    (best, next) => (best && best.report.downloadBytes <= next.report.downloadBytes ? best : next),
    undefined,
  )
}

/** The step at which the work of a project goes on. */
export function whereToGoOn(project: Project): StepId {
  if (project.model.state !== 'ready') return 'model'
  if (project.runs.some(isActive)) return 'compress'
  if (candidatesOf(project).length) return 'compare'
  if (project.runs.length) return 'compress'
  return project.goal ? 'goal' : 'model'
}

/** The error itself stands once, in its step. */
const UNREAD = 'could not be read'

/** The step in which what the later ones wait for is made. */
export function whatIsMissing({ model, goal, runs }: Project): StepId {
  if (model.state !== 'ready') return 'model'
  return goal || runs.length > 0 ? 'compress' : 'goal'
}

function modelLine({ model }: Project): Line {
  if (model.state === 'loading') return { state: 'busy', line: model.doing }
  if (model.state === 'failed') return { state: 'failed', line: UNREAD }
  if (model.state === 'empty') return { state: 'ready', line: 'drop an ONNX model' }
  return { state: 'done', line: `${bytes(model.value.bytes)}, ${count(model.value.parameters)} parameters` }
}

const DOUBT_LINES: Record<Exclude<Doubt['kind'], 'few-samples'>, string> = {
  guessing: 'the original only guesses',
  'labels-constant': 'all labels are alike',
  'training-scored': 'scored on training data',
  overlap: 'samples in two splits',
  grey: 'grey pictures for a colour model',
  'classes-missing': 'some classes have no samples',
}

function dataLine({ model, data }: Project): Line {
  if (data.state === 'loading') return { state: 'busy', line: data.doing }
  if (data.state === 'failed') return { state: 'failed', line: UNREAD }
  if (data.state === 'ready') {
    const { baseline, doubts } = data.value
    const line =
      baseline.task === 'unlabelled' ? 'no labels: likeness counts' : `the original: ${qualitySaid(baseline)}`
    const [gravest] = doubts
    if (gravest?.kind === 'few-samples') return { state: 'failed', line: `${line}, on few samples` }
    if (gravest) return { state: 'failed', line: DOUBT_LINES[gravest.kind] }
    return { state: 'done', line }
  }
  if (model.state !== 'ready') return { state: 'later', line: 'needs a model first' }
  return { state: 'ready', line: 'add data, or go on without' }
}

function goalStep({ model, goal }: Project): Line {
  if (goal) return { state: 'done', line: goalLine(goal) }
  if (model.state !== 'ready') return { state: 'later', line: 'needs a model first' }
  return { state: 'ready', line: 'say what matters' }
}

function compressLine(project: Project): Line {
  const run = project.runs.find(isActive)
  if (run) return { state: 'busy', line: run.status === 'queued' ? 'waiting in the queue' : 'running' }
  const finished = candidatesOf(project).length
  if (finished) return { state: 'done', line: plural(finished, 'candidate') }
  if (project.runs[0]?.status === 'failed') return { state: 'failed', line: 'the last run failed' }
  if (!project.goal) return { state: 'later', line: 'needs a goal first' }
  return { state: 'ready', line: 'ready to start' }
}

function compareLine(project: Project): Line {
  const best = bestOf(project)
  if (!best) return { state: 'later', line: 'needs a finished candidate' }
  const { candidates, originals } = measuredOf(project, [best])
  const [original, { report }] = [originals[0]!, candidates[0]!]
  // As long as the rail is wide: the whole verdict stands over the comparison.
  const line = `${downloadText(original, report)}, ${lossSaid(original, report)}`
  return { state: 'done', line: typeset(line) }
}

function exportLine(project: Project): Line {
  if (project.exports.length)
    return { state: 'done', line: plural(project.exports.length, 'bundle') + ' saved' }
  if (bestOf(project)) return { state: 'ready', line: 'ready to save' }
  return { state: 'later', line: 'needs a finished candidate' }
}

const LINES: Record<StepId, (project: Project) => Line> = {
  model: modelLine,
  data: dataLine,
  goal: goalStep,
  compress: compressLine,
  compare: compareLine,
  export: exportLine,
}

export function stepInfos(project: Project): StepInfo[] {
  const busy = project.runs.some(isActive)
  return STEP_IDS.map((id) => {
    const stale = busy ? undefined : project.stale.find((entry) => entry.step === id)
    return { id, title: STEP_TITLES[id], ...LINES[id](project), ...(stale ? { stale: stale.reason } : {}) }
  })
}
