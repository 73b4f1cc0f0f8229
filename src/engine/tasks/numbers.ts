/**
 * Answers of one number a sample, held against the original's: the cosine of two numbers is always ±1 and tells
 * nothing. Likeness is 1 less the squared error over the variance of the original's answers (R² to the original),
 * and where the answers have a threshold, how many stay on their side of it. Interval: bootstrap over samples.
 */
import { bootstrap } from '../math/statistics'
import { seeded } from '../math/random'
import { floatsOf } from '../runtime/value'
import { emptySamples, recordSample } from './metric'
import type { Measured, Meter, Observation, OutputChoice } from './metric'

/** One output: the original's answers and the model's. */
interface Answers {
  before: number[]
  after: number[]
}

export class NumbersMeter implements Meter {
  private readonly index: number[] = []
  private readonly outputs: Answers[]
  private nonFinite = 0

  constructor(private readonly choice: OutputChoice) {
    this.outputs = choice.names.map(() => ({ before: [], after: [] }))
  }

  add({ indices, outputs, reference }: Observation): void {
    this.index.push(...indices)
    const bad = new Set<number>()
    for (const [i, name] of this.choice.names.entries()) {
      const { before, after } = this.outputs[i]!
      before.push(...floatsOf(reference[name]!))
      const answers = floatsOf(outputs[name]!)
      for (const [row, answer] of answers.entries()) if (!Number.isFinite(answer)) bad.add(row)
      after.push(...answers)
    }
    this.nonFinite += bad.size
  }

  result(): Measured {
    const n = this.index.length
    const every = new Float64Array(n).fill(1)
    const worst = this.outputs.reduce((a, b) => (likeness(b, every) < likeness(a, every) ? b : a))
    const reweighted = (weights: Float64Array): number => likeness(worst, weights)
    const value = reweighted(every)
    const errors = worst.before.map((x, i) => Math.abs(errorOf(x, worst.after[i]!, x)))
    const [first] = this.outputs as [Answers]
    const threshold = thresholdOf(first)
    const agreement = threshold === undefined ? undefined : agreementAt(threshold, first)
    return {
      quality: {
        metric: 'likeness',
        value,
        samples: n,
        interval: n ? bootstrap(n, reweighted, seeded(17)) : [0, 1],
        higherIsBetter: true,
        others: {
          rmse: Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / (n || 1)),
          maxAbsoluteError: errors.reduce((most, e) => Math.max(most, e), 0),
          ...(agreement !== undefined && { agreement }),
        },
      },
      samples: this.samples(worst, errors, threshold),
      reweighted,
      nonFinite: this.nonFinite,
      notes: [],
    }
  }

  /** Each sample's error in standard deviations of the original's answers, as a likeness; its answer is its side. */
  private samples(
    { before }: Answers,
    errors: readonly number[],
    threshold: number | undefined,
  ): Measured['samples'] {
    const samples = emptySamples()
    const { after } = this.outputs[0]!
    const spread = Math.sqrt(varianceOf(before, new Float64Array(before.length).fill(1)))
    for (const [i, index] of this.index.entries()) {
      const error = errors[i]! === 0 ? 0 : errors[i]! / spread
      const side = threshold === undefined ? -1 : Number(after[i]! > threshold)
      recordSample(samples, index, null, side, Math.max(0, 1 - error))
    }
    return samples
  }
}

/** An answer that is not a number is taken for `none`: no skill. */
const errorOf = (before: number, after: number, none: number): number =>
  (Number.isFinite(after) ? after : none) - before

function meanOf(values: readonly number[], weights: Float64Array): number {
  let sum = 0
  let total = 0
  for (let i = 0; i < values.length; i++) {
    sum += weights[i]! * values[i]!
    total += weights[i]!
  }
  return sum / (total || 1)
}

function varianceOf(values: readonly number[], weights: Float64Array): number {
  const mean = meanOf(values, weights)
  return meanOf(
    values.map((x) => (x - mean) ** 2),
    weights,
  )
}

/** Answers that do not vary are met wholly or not at all. */
function likeness({ before, after }: Answers, weights: Float64Array): number {
  const mean = meanOf(before, weights)
  const error = meanOf(
    before.map((x, i) => errorOf(x, after[i]!, mean) ** 2),
    weights,
  )
  const variance = varianceOf(before, weights)
  return error === 0 ? 1 : variance > 0 ? 1 - error / variance : 0
}

/** One half for probabilities, zero for what has both signs; other numbers have no threshold that is known. */
function thresholdOf({ before }: Answers): number | undefined {
  if (before.every((x) => x >= 0 && x <= 1)) return 0.5
  return before.some((x) => x < 0) && before.some((x) => x > 0) ? 0 : undefined
}

function agreementAt(threshold: number, { before, after }: Answers): number {
  const same = before.filter((x, i) => Number.isFinite(after[i]!) && x > threshold === after[i]! > threshold)
  return same.length / (before.length || 1)
}
