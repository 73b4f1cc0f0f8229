/** Texts with some of their tokens replaced. Source: arXiv:1909.10351 (replaced words). */
import type { Preprocessing } from '../../../contract/dataset'
import type { Batch, Dataset } from '../../data/dataset'
import type { Random } from '../../math/random'
import type { Value } from '../../runtime'

/** Largest share of the tokens that is replaced at strength 1. */
const REPLACED = 0.6

/** Fewer integers than this are no text where nothing else says that they are: columns with categories. */
const LEAST_TOKENS = 16

type Ids = BigInt64Array | Int32Array

const isIds = ({ data, dims }: Value): boolean =>
  (data instanceof BigInt64Array || data instanceof Int32Array) && dims.length === 2 && dims[1]! > 1

/** The input that holds the tokens, where all inputs are integers [samples, length]: the one that varies most. */
export function tokensOf(
  inputs: Batch['inputs'],
  { kind, preprocessing }: Pick<Dataset, 'kind' | 'preprocessing'>,
): string | undefined {
  const values = Object.entries(inputs)
  if (values.length === 0 || !values.every(([, value]) => isIds(value))) return undefined
  const long = kind === 'npz' && values.every(([, { dims }]) => dims[1]! >= LEAST_TOKENS)
  if (preprocessing.kind !== 'text' && !long) return undefined
  const different = (value: Value): number => new Set<number | bigint>(value.data as Ids).size
  return values.reduce((a, b) => (different(b[1]) > different(a[1]) ? b : a))[0]
}

/** Of a batch: what nearly every sample holds (beginnings, ends, padding, the commonest words) is not touched. */
const COMMON = 0.9

/** The token that fills samples up: named by the preprocessing, else what an end of a sample repeats longest. */
function paddingOf(ids: Ids, [samples, length]: readonly number[], preprocessing: Preprocessing): number {
  if (preprocessing.kind === 'text') return preprocessing.padId
  let [padding, longest] = [Number(ids[length! - 1]), 0]
  for (let i = 0; i < samples!; i++)
    for (const [end, step] of [
      [(i + 1) * length! - 1, -1],
      [i * length!, 1],
    ] as const) {
      let run = 1
      while (run < length! && ids[end + run * step] === ids[end]) run++
      if (run > longest) [padding, longest] = [Number(ids[end]), run]
    }
  return padding
}

/**
 * A share of the tokens of each sample, drawn between nothing and the strength's, each replaced by what another
 * sample of the batch has in its place: that is certainly allowed there. Nothing moves into or out of what `masks`
 * (1 where a token counts) leave out.
 */
export function replaceTokens(
  value: Value,
  masks: readonly Value[],
  preprocessing: Preprocessing,
  strength: number,
  random: Random,
): Value {
  const [samples, length] = value.dims as [number, number]
  const from = value.data as Ids
  const found = new Map<number, number>()
  for (let i = 0; i < samples; i++)
    for (const id of new Set(Array.from(from.subarray(i * length, (i + 1) * length), Number)))
      found.set(id, (found.get(id) ?? 0) + 1)
  const padding = paddingOf(from, value.dims, preprocessing)
  const isFixed = (at: number): boolean => {
    const id = Number(from[at])
    if (id === padding || found.get(id)! >= COMMON * samples) return true
    return masks.some(({ data }) => Number((data as Ids)[at]) === 0)
  }
  const fixed = Array.from({ length: from.length }, (_, at) => isFixed(at))
  const donors = Array.from({ length }, (_, t) => {
    const column = Array.from({ length: samples }, (_, i) => i * length + t)
    return column.filter((at) => !fixed[at]).map((at) => from[at]!)
  })
  const data = from.slice()
  for (let i = 0; i < samples; i++) {
    const share = random.next() * REPLACED * strength
    donors.forEach((pool, t) => {
      const at = i * length + t
      if (!fixed[at] && random.next() < share) data[at] = pool[random.below(pool.length)] as never
    })
  }
  return { ...value, data }
}

/** Whether an input says which of the tokens [samples, length] count. */
export const isMask = (name: string, { dims }: Value, [samples, length]: readonly number[]): boolean =>
  /mask/i.test(name) && dims[0] === samples && dims[1] === length
