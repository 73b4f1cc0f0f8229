/** Reasons to doubt a score: what the samples, the labels and the answers show. */
import { DOUBTS, type DatasetSummary, type Doubt } from '../../contract/dataset'
import { metricWords } from '../../contract/metric-table'
import { formatMetric } from '../../contract/metrics'
import type { Quality } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { isGrey } from '../data/grey'
import { allAlike, GREY, someMissing } from '../evaluate/notes'
import type { ModelQuality } from '../evaluate/quality'
import { taskOf } from '../tasks'
import type { Evidence } from './evidence'

/** The gravest first. */
export async function doubtsOf(
  dataset: Dataset,
  { doubts = [] }: DatasetSummary,
  { quality, samples }: ModelQuality,
  evidence: Evidence,
): Promise<Doubt[]> {
  const found = [...doubts]
  const labels = new Set(samples.label.filter((label) => label !== null))
  const { classes, task } = dataset
  const isClass = taskOf(task).protects === 'class'
  if (labels.size === 1 && quality.samples > 1) {
    const [label] = labels
    const what = isClass ? `the class “${classes?.[label!] ?? label!}”` : String(label)
    found.push({
      kind: 'labels-constant',
      message: allAlike('validation', what),
    })
  } else if (evidence !== 'told')
    found.push({
      kind: evidence === 'few' ? 'few-samples' : 'guessing',
      message: guessing(quality, evidence),
    })
  if (isClass && classes && labels.size > 1 && labels.size < classes.length)
    found.push({
      kind: 'classes-missing',
      message: someMissing('validation', labels.size, classes.length),
    })
  if (await isGrey(dataset)) found.push({ kind: 'grey', message: GREY })
  return found.sort((a, b) => DOUBTS.indexOf(a.kind) - DOUBTS.indexOf(b.kind))
}

function guessing({ metric, value, samples }: Quality, evidence: Evidence): string {
  const words = metricWords(metric).name
  const what = `The original is not distinguishable from chance (${words} ${formatMetric(metric, value)} on ${samples} samples)`
  return evidence === 'few'
    ? `${what}: too few samples to tell.`
    : `${what}: the data is not what it was made for, or is read in another way.`
}
