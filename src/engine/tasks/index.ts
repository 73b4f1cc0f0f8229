/** The registry of tasks: one line each. */
import type { Task } from '../../contract/dataset'
import { classification } from './classification'
import { detection } from './detection/detection'
import { embedding } from './embedding'
import { unlabelled } from './fidelity'
import { languageModel } from './language-model'
import { matting } from './matting'
import { multiLabel } from './multi-label'
import { regression } from './regression'
import { segmentation } from './segmentation'
import type { TaskDeclaration } from './task'

export const TASKS: Readonly<Record<Task, TaskDeclaration>> = {
  classification,
  'multi-label': multiLabel,
  regression,
  'language-model': languageModel,
  embedding,
  segmentation,
  matting,
  detection,
  unlabelled,
}

export { FidelityMeter } from './fidelity'
export { looksLikeProbabilities } from './metric'
export type { Meter, OutputChoice } from './metric'
export type { LossKind } from './task'
