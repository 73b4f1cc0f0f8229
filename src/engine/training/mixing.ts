/**
 * New samples out of pairs of samples, for asking a teacher about more than there is. Numbers are blended (mixup,
 * arXiv:1710.09412, as used for distillation in arXiv:2106.05237); of tokens, which have nothing between them, one
 * sample gives the beginning and another the rest (as arXiv:1905.04899 does with images).
 */
import type { Batch } from '../data/dataset'
import type { Random } from '../math/random'
import { isFloat } from '../onnx'
import type { Value } from '../runtime'
import { pickRows } from './samples'

const blends = ({ dtype, data, dims }: Value): boolean =>
  isFloat(dtype) && data instanceof Float32Array && dims.length > 0

type Integers = BigInt64Array | Int32Array

const isTokens = ({ data, dims }: Value): boolean =>
  (data instanceof BigInt64Array || data instanceof Int32Array) && dims.length === 2 && dims[1]! > 1

/** All inputs are integers [samples, length] of one length, such as ids, masks and types of tokens. */
function areTokens(inputs: readonly Value[]): boolean {
  return inputs.length > 0 && inputs.every((value) => isTokens(value) && value.dims[1] === inputs[0]!.dims[1])
}

/** False where samples can neither be blended nor joined. */
export const canMix = ({ inputs }: Batch): boolean =>
  Object.values(inputs).some(blends) || areTokens(Object.values(inputs))

/** Each sample mixed with another of the batch. Labels are those of the first, but for the positions of tokens. */
export const mixed = (batch: Batch, random: Random): Batch =>
  areTokens(Object.values(batch.inputs)) ? joined(batch, random) : blended(batch, random)

/** Each float input blended with another sample's; other inputs stay. One share for the whole batch. */
function blended(batch: Batch, random: Random): Batch {
  const partners = partnersOf(batch, random)
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

const partnersOf = (batch: Batch, random: Random): number[] => random.shuffle(batch.indices.map((_, i) => i))

/** The beginning of each sample, cut somewhere before its padding, with what another has from there on. */
function joined(batch: Batch, random: Random): Batch {
  const values = Object.values(batch.inputs)
  const partners = partnersOf(batch, random)
  const cuts = partners.map((_, row) => 1 + Math.floor(random.next() * lengthOf(values, row)))
  const join = (value: Value): Value => {
    const length = value.dims[1]!
    const { data } = pickRows(value, partners) as { data: Integers }
    cuts.forEach((cut, row) => {
      const own = (value.data as Integers).subarray(row * length, row * length + cut)
      data.set(own as never, row * length)
    })
    return { ...value, data }
  }
  const inputs = Object.fromEntries(Object.entries(batch.inputs).map(([name, value]) => [name, join(value)]))
  // Labels of tokens follow them, so that padding keeps counting nothing.
  const { labels } = batch
  const follow = labels && isTokens(labels) && labels.dims[1] === values[0]!.dims[1]
  return { ...batch, inputs, ...(follow && { labels: join(labels) }) }
}

/** Positions before all inputs of a sample stop changing: its tokens without padding. */
function lengthOf(values: readonly Value[], row: number): number {
  return Math.max(
    ...values.map(({ data, dims }) => {
      const length = dims[1]!
      const own = (data as Integers).subarray(row * length, (row + 1) * length)
      let end = length - 1
      while (end > 0 && own[end - 1] === own[length - 1]) end--
      return end
    }),
  )
}
