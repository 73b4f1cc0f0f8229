/** Where a person is, as the address of the page says it: it outlives a reload and goes into another window. */
import { STEP_IDS, type StepId } from '../../contract/actions'

export interface Place {
  /** None: home. */
  project?: string
  step?: StepId
  /** Candidates on show, where they were chosen. */
  chosen: string[]
  /** What a step shows of itself, by what it is called there: its tab, its run, its filter. */
  shown: Readonly<Record<string, string>>
}

const OWN = ['project', 'step', 'chosen']
/** Anybody can write an address: no name or value is longer than what Pare itself writes. */
const LONGEST = 200

/** Of an address's fragment, with or without its `#`; what is not understood is left out. */
export function readPlace(fragment: string): Place {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''))
  const project = fields.get('project') ?? ''
  const step = STEP_IDS.find((id) => id === fields.get('step'))
  const shown = [...fields].filter(([name, value]) => !OWN.includes(name) && value && value.length <= LONGEST)
  return {
    ...(project && project.length <= 100 && { project }),
    ...(project && step && { step }),
    chosen: (fields.get('chosen') ?? '').split(',').filter(Boolean).slice(0, 3),
    shown: Object.fromEntries(shown),
  }
}

/** The fragment without its `#`; empty at home. */
export function placeText({ project, step, chosen, shown }: Place): string {
  if (!project) return ''
  const fields = new URLSearchParams({ project, ...(step && { step }) })
  if (chosen.length > 0) fields.set('chosen', chosen.join(','))
  for (const [name, value] of Object.entries(shown)) if (value.length <= LONGEST) fields.set(name, value)
  return fields.toString()
}

/** Whether the way from one to the other is a step that the browser's Back undoes. */
export const isMove = (from: Place, to: Place): boolean =>
  from.project !== to.project || from.step !== to.step
