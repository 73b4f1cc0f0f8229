/** Which of several columns holds the labels, by what the model knows of each. */
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import type { Dataset } from './dataset'
import { BEYOND_CHANCE, skillOf } from './skill'

/** What is left to know of the labels must be this much less than for any other column. */
const CLEARLY = 0.25

/**
 * The column that the model answers better than by guessing, and clearly better than any other. Throws
 * `data/label-unclear` where there is none; columns that cannot be labels of the model are none.
 */
export async function chooseLabel(
  path: string,
  columns: readonly string[],
  model: Model,
  open: (label: string) => Promise<Dataset>,
  signal?: AbortSignal,
): Promise<{ label: string; note: string }> {
  const known: { label: string; value: number; beyond: boolean }[] = []
  for (const label of columns) {
    const dataset = await open(label).catch((cause: unknown) => {
      if (cause instanceof PareError && cause.code !== 'cancelled') return undefined
      throw cause
    })
    if (!dataset) continue
    try {
      const skill = await skillOf(model, dataset, { splits: ['calibration', 'training'], limit: 512, signal })
      known.push({ label, value: skill?.value ?? 0, beyond: (skill?.z ?? 0) > BEYOND_CHANCE })
    } finally {
      await dataset.close()
    }
  }
  const [best, next] = known.toSorted((a, b) => b.value - a.value)
  const clear = best && (!next?.beyond || 1 - best.value < CLEARLY * (1 - next.value))
  if (!best || !best.beyond || !clear)
    throw new PareError('data/label-unclear', { path, columns: [...columns] })
  const others = columns.filter((column) => column !== best.label).join(' or ')
  return {
    label: best.label,
    note: `The labels are taken from column “${best.label}”, which the model answers far better than ${others}.`,
  }
}
