/** The registry of tasks: one line each. */
import type { Task, TaskDescription } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { classification } from './classification'
import { detection } from './detection/detection'
import { embedding } from './embedding'
import { events } from './events/events'
import { restoration } from './restoration'
import { tagging } from './tagging/tagging'
import { unlabelled } from './fidelity'
import { keypoints } from './keypoints/keypoints'
import { languageModel } from './language-model'
import { matting } from './matting'
import { multiLabel } from './multi-label'
import { regression } from './regression'
import { segmentation } from './segmentation'
import type { TaskDeclaration } from './task'
import { transcription } from './transcription/transcription'

const BUILT_IN: readonly TaskDeclaration[] = [
  classification,
  multiLabel,
  regression,
  languageModel,
  embedding,
  segmentation,
  matting,
  detection,
  keypoints,
  events,
  restoration,
  tagging,
  transcription,
  unlabelled,
]
const tasks = new Map(BUILT_IN.map((task) => [task.id, task]))

/** Throws `data/spec` where there is none of that name. */
export function taskOf(id: Task): TaskDeclaration {
  const task = tasks.get(id)
  if (task) return task
  const known = [...tasks.keys()].join(', ')
  throw new PareError('data/spec', {
    reason: `there is no task “${id}”; there are ${known}, and those of plug-ins that are loaded`,
  })
}

/** A task of a plug-in, of a name that there is none of yet. */
export const addTask = (task: TaskDeclaration): void => void tasks.set(task.id, task)

export const describeTasks = (): TaskDescription[] =>
  [...tasks.values()].map(({ id, metric }) => ({ id, metric }))

/** Pare tells by labels and outputs whether one of its own tasks is meant; a plug-in's is meant where it is named. */
export const isAdded = (id: Task): boolean => tasks.has(id) && !BUILT_IN.some((task) => task.id === id)

export { FidelityMeter } from './fidelity'
export { looksLikeProbabilities } from './metric'
export type { Meter, OutputChoice } from './metric'
export type { LossKind, StructuredLoss, StructuredMeasure } from './task'
