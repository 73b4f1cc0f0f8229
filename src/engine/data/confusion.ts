/** How a model's answers fall on the labels of a dataset, whatever the order of its classes. */
import { assign } from '../math/assignment'
import type { Model } from '../onnx'
import { withSession } from '../runtime/session'
import { floatsOf } from '../runtime/value'
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
  await withSession(model, {}, async (session) => {
    for (const split of [dataset.splits.calibration, dataset.splits.training]) {
      const options: BatchOptions = { limit: limit - samples, shuffle: 0, ...(signal && { signal }) }
      if (split.origin === 'shared' && split.name === 'training') continue
      for await (const batch of split.batches(fixedBatch(model) ?? BATCH, options)) {
        if (fixedBatch(model) !== undefined && batch.indices.length !== fixedBatch(model)) continue
        const scores = floatsOf((await session.run(batch.inputs, [output]))[output]!)
        const labels = batch.labels!.data as BigInt64Array
        for (const [i, label] of labels.entries()) {
          const row = scores.subarray(i * classes, (i + 1) * classes)
          if (label >= 0n) counts[Number(label) * classes + largest(row)]!++
        }
        samples += labels.length
      }
    }
  })
  return { classes, samples, counts }
}

/** The batch a model insists on, where it does. */
function fixedBatch(model: Model): number | undefined {
  const first = model.graph.requiredInputs[0]?.dims?.[0]
  return typeof first === 'number' && first > 0 ? first : undefined
}

function largest(row: Float32Array): number {
  let best = 0
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i
  return best
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
