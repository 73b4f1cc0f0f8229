/** The registry of tasks: one line each. */
import type { Task } from '../../contract/dataset'
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

export const TASKS: Readonly<Record<Task, TaskDeclaration>> = {
  classification,
  'multi-label': multiLabel,
  regression,
  'language-model': languageModel,
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
}

export { FidelityMeter } from './fidelity'
export { looksLikeProbabilities } from './metric'
export type { Meter, OutputChoice } from './metric'
export type { LossKind } from './task'
