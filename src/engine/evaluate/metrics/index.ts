/** The registry of metrics: one family a task. */
import type { Task } from '../../../contract/dataset'
import { classification } from './classification'
import { embedding } from './embedding'
import { unlabelled } from './fidelity'
import { languageModel } from './language-model'
import type { MetricFamily } from './metric'
import { multiLabel } from './multi-label'
import { regression } from './regression'
import { segmentation } from './segmentation'

export const METRICS: Readonly<Record<Task, MetricFamily>> = {
  classification,
  'multi-label': multiLabel,
  regression,
  'language-model': languageModel,
  embedding,
  segmentation,
  unlabelled,
}

export { FidelityMeter } from './fidelity'
export type { Measured, Meter, MetricFamily, OutputChoice } from './metric'
