/** How a model's answers fall on the labels of a dataset, whatever the order of its classes. */
import { argmax } from '../math/argmax'
import { assign } from '../math/assignment'
import type { Model } from '../onnx'
import { floatsOf, openRunner } from '../runtime'
import type { BatchOptions, Dataset } from './dataset'

export interface Confusion {
  classes: number
  samples: number
  /** Row = label, column = answer. */
  counts: Float64Array
}

const BATCH = 16

/** Answers on calibration and training samples, at most `limit`: validation stays unseen. */
export async function confusionOf(
  model: Model,
  dataset: Dataset,
  limit: number,
  signal?: AbortSignal,
): Promise<Confusion> {
  const classes = dataset.classes!.length
  const counts = new Float64Array(classes * classes)
  const output = model.graph.outputs[0]!.name
  let samples = 0
  const runner = await openRunner(model)
  try {
    for (const split of [dataset.splits.calibration, dataset.splits.training]) {
      const options: BatchOptions = { limit: limit - samples, shuffle: 0, ...(signal && { signal }) }
      if (split.origin === 'shared' && split.name === 'training') continue
      for await (const batch of split.batches(BATCH, options)) {
        const scores = floatsOf((await runner.run(batch.inputs, [output]))[output]!)
        const labels = batch.labels!.data as BigInt64Array
        for (const [i, label] of labels.entries())
          if (label >= 0n) counts[Number(label) * classes + argmax(scores, i * classes, classes)]!++
        samples += labels.length
      }
    }
  } finally {
    await runner.release()
  }
  return { classes, samples, counts }
}

const sumOf = ({ classes, counts }: Confusion, columnOf: (label: number) => number): number => {
  let sum = 0
  for (let label = 0; label < classes; label++) sum += counts[label * classes + columnOf(label)]!
  return sum
}

export const agreement = (confusion: Confusion): number =>
  confusion.samples === 0 ? 0 : sumOf(confusion, (label) => label) / confusion.samples

/** The order of class names that agrees best with the answers, and how well it does. */
export function bestOrder(
  confusion: Confusion,
  names: readonly string[],
): { classes: string[]; agreement: number } {
  const columnOf = assign(confusion.counts, confusion.classes)
  const classes = new Array<string>(confusion.classes)
  for (const [label, column] of columnOf.entries()) classes[column] = names[label]!
  return {
    classes,
    agreement:
      confusion.samples === 0 ? 0 : sumOf(confusion, (label) => columnOf[label]!) / confusion.samples,
  }
}
