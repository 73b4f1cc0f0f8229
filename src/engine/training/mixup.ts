/**
 * Blends of samples, for asking a teacher between what is known. Source: mixup arXiv:1710.09412, as used for
 * distillation in arXiv:2106.05237.
 */
import type { Batch } from '../data/dataset'
import type { Random } from '../math/random'
import { isFloat } from '../onnx'
import type { Value } from '../runtime'
import { pickRows } from '../runtime/value'

const blends = ({ dtype, data, dims }: Value): boolean =>
  isFloat(dtype) && data instanceof Float32Array && dims.length > 0

/** False where nothing can be blended, such as the ids of tokens. */
export const canMix = ({ inputs }: Batch): boolean => Object.values(inputs).some(blends)

/** Each float input blended with another sample of the batch; other inputs stay. One share for the whole batch. */
export function mixup(batch: Batch, random: Random): Batch {
  const partners = random.shuffle(batch.indices.map((_, i) => i))
  const share = random.next()
  const inputs = Object.fromEntries(
    Object.entries(batch.inputs).map(([name, value]) => {
      if (!blends(value)) return [name, value]
      const other = pickRows(value, partners).data as Float32Array
      const data = (value.data as Float32Array).map((x, i) => share * x + (1 - share) * other[i]!)
      return [name, { ...value, data }]
    }),
  )
  return { ...batch, inputs }
}
