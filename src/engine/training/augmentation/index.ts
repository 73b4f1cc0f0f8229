/**
 * Samples augmented a little each time they are seen, so that training does not learn them by heart. A teacher is asked
 * about what the student sees. Source: arXiv:2106.05237 (teacher and student see the same view).
 */
import type { Batch, Dataset } from '../../data/dataset'
import type { Random } from '../../math/random'
import { augmentNumbers, layoutOf } from './numbers'
import { isMask, replaceTokens, tokensOf } from './tokens'

export type Augment = (batch: Batch, random: Random) => Batch

/**
 * How samples like these can be augmented; undefined where nothing is known that may be, as with columns of numbers.
 * Several pictures or signals of one sample stay as well: they may belong together.
 */
export function augmentationFor(
  { inputs }: Batch,
  data: Pick<Dataset, 'kind' | 'preprocessing'>,
  strength: number,
): Augment | undefined {
  if (strength === 0) return undefined
  const { preprocessing } = data
  const tokens = tokensOf(inputs, data)
  if (tokens !== undefined) {
    // Alone in its batch, a sample has nothing to take from.
    if (inputs[tokens]!.dims[0]! < 2) return undefined
    return (batch, random) => {
      const ids = batch.inputs[tokens]!
      const masks = Object.entries(batch.inputs)
        .filter(([name, value]) => name !== tokens && isMask(name, value, ids.dims))
        .map(([, value]) => value)
      const replaced = replaceTokens(ids, masks, preprocessing, strength, random)
      return { ...batch, inputs: { ...batch.inputs, [tokens]: replaced } }
    }
  }
  const known = Object.entries(inputs).filter(
    ([, { data, dims }]) => data instanceof Float32Array && layoutOf(dims, preprocessing) !== undefined,
  )
  const [only, ...others] = known.map(([name]) => name)
  if (only === undefined || others.length > 0) return undefined
  return (batch, random) => {
    const value = batch.inputs[only]!
    const layout = layoutOf(value.dims, preprocessing)
    if (!layout) return batch
    return { ...batch, inputs: { ...batch.inputs, [only]: augmentNumbers(value, layout, strength, random) } }
  }
}
