/**
 * Splits given or made. The rule, when the dataset does not say:
 * - nothing is split: a fifth for validation, a fifth (512 at most) for calibration, the rest for training;
 * - no validation: a fifth of training; no calibration: a fifth (512 at most) of training;
 * - no training: the calibration samples serve for both ("shared");
 * - a `test` split is used for validation only where there is no other;
 * - fewer than five samples are in every split;
 * - clips stay together, cut into stretches where they are few.
 * What is made is drawn with a seed, in equal parts of every class, and disjoint.
 */
import type { SplitName, SplitSummary } from '../../contract/dataset'
import { seeded } from '../math/random'
import { clipOrder, wholeClips } from './clips'
import type { GivenSplit } from './names'
import type { Source } from './source'

/** Some samples of a source, in order; all of them without `order`. */
export interface Part {
  source: Source
  order?: Uint32Array
  origin: SplitSummary['origin']
}

export type Parts = Record<SplitName, Part>

const CALIBRATION_LIMIT = 512
const FEWEST = 5

interface SplitResult {
  parts: Parts
  notes: string[]
}

/** Shares of the samples Pare splits itself, 0 … 1; what the dataset has split stays as it is. */
export interface Shares {
  calibration: number
  validation: number
}

interface Counts {
  calibration: number
  validation: number
}

/** How many of `length` samples each split that is made gets; at least one each, and one is left for training. */
function countsOf(length: number, shares: Shares | undefined): Counts {
  const fifth = Math.ceil(length / 5)
  if (!shares) return { validation: fifth, calibration: Math.min(CALIBRATION_LIMIT, fifth) }
  const within = (share: number, most: number): number =>
    Math.max(1, Math.min(most, Math.round(share * length)))
  const validation = within(shares.validation, length - 2)
  return { validation, calibration: within(shares.calibration, length - validation - 1) }
}

/** `classOf` gives the class of each sample of a source, where samples have one. */
export function makeSplits(
  given: Partial<Record<GivenSplit | 'whole', Source>>,
  classOf: (source: Source) => Int32Array | undefined,
  seed: number,
  shares?: Shares,
): SplitResult {
  const notes: string[] = []
  const all = (source: Source): Part => ({ source, origin: 'given' })
  const { training, calibration, test } = given
  let { validation } = given
  if (validation && test) notes.push('The test samples are left untouched; validation is used.')
  else if (test && (training ?? calibration)) {
    notes.push('The test samples are used for validation.')
    validation = test
  }
  const pool = given.whole ?? (training && !validation && !calibration ? training : undefined)
  const only = pool ?? (training || calibration ? undefined : (validation ?? test))
  if (only) return unsplit(only, classOf(only), seed, shares, notes)
  if (training) {
    const order = orderOf(training, classOf(training), seed)
    // A validation split that is given takes nothing from training.
    const wanted = shares && validation ? { ...shares, validation: 0 } : shares
    const counts = countsOf(training.length, wanted)
    let used = 0
    const take = (wanted: number): Part => {
      const count = wholeCount(training, order, used, wanted)
      const part: Part = { source: training, order: order.slice(used, used + count), origin: 'made' }
      used += count
      return part
    }
    const made = { validation: validation ? all(validation) : take(counts.validation) }
    const calibrated = calibration ? all(calibration) : take(counts.calibration)
    const rest: Part =
      used === 0 ? all(training) : { source: training, order: order.slice(used), origin: 'made' }
    const part = shares ? 'A part' : 'A fifth'
    if (!validation) notes.push(`${part} of the training samples is set aside for validation.`)
    if (!calibration) notes.push('Calibration samples are taken out of training.')
    return { parts: { calibration: calibrated, training: rest, validation: made.validation }, notes }
  }
  // Only calibration (and perhaps validation) is there.
  if (!validation) return unsplit(calibration!, classOf(calibration!), seed, shares, notes)
  notes.push('There are no training samples; passes that train use the calibration samples.')
  return {
    parts: {
      calibration: all(calibration!),
      training: { source: calibration!, origin: 'shared' },
      validation: all(validation),
    },
    notes,
  }
}

function unsplit(
  source: Source,
  classes: Int32Array | undefined,
  seed: number,
  shares: Shares | undefined,
  notes: string[],
): SplitResult {
  if (source.length < FEWEST) {
    notes.push(`There are only ${source.length} samples, too few to split: every split holds all of them.`)
    const part: Part = { source, origin: 'shared' }
    return { parts: { calibration: part, training: part, validation: part }, notes }
  }
  const order = orderOf(source, classes, seed)
  const counts = countsOf(source.length, shares)
  const validation = wholeCount(source, order, 0, counts.validation)
  const cut = validation + wholeCount(source, order, validation, counts.calibration)
  const part = (from: number, to: number): Part => ({ source, order: order.slice(from, to), origin: 'made' })
  return {
    parts: {
      validation: part(0, validation),
      calibration: part(validation, cut),
      training: part(cut, source.length),
    },
    notes,
  }
}

const orderOf = (source: Source, classes: Int32Array | undefined, seed: number): Uint32Array =>
  source.follows
    ? clipOrder(source.length, (index) => source.follows!(index), seeded(seed).fork('splits'))
    : stratifiedOrder(source.length, classes, seed)

const wholeCount = (source: Source, order: Uint32Array, from: number, count: number): number =>
  source.follows ? wholeClips(order, (index) => source.follows!(index), from, count) : count

/**
 * A seeded order in which every stretch holds each class in about its share: sample k of a class of n comes at
 * (k + u) / n of the way, u one random shift per class.
 */
export function stratifiedOrder(length: number, classes: Int32Array | undefined, seed: number): Uint32Array {
  const random = seeded(seed).fork('splits')
  const shuffled = random.shuffle(Array.from({ length }, (_, i) => i))
  if (!classes) return Uint32Array.from(shuffled)
  const sizes = new Map<number, number>()
  for (const id of classes) sizes.set(id, (sizes.get(id) ?? 0) + 1)
  // By first appearance, not by number: classes in another order leave the splits as they are.
  const shift = new Map([...sizes.keys()].map((id) => [id, random.next()]))
  const seen = new Map<number, number>()
  const place = new Float64Array(length)
  for (const index of shuffled) {
    const id = classes[index]!
    const rank = seen.get(id) ?? 0
    seen.set(id, rank + 1)
    place[index] = (rank + shift.get(id)!) / sizes.get(id)!
  }
  return Uint32Array.from(shuffled).sort((a, b) => place[a]! - place[b]! || a - b)
}
