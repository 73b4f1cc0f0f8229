/**
 * How near a model's outputs stay to the original's on the same samples: mean cosine a sample, signal to noise
 * in decibel over all elements, share of equal top answers, largest absolute error.
 */
import { PareError } from '../../contract/errors'
import type { Fidelity } from '../../contract/report'
import { argmax } from '../math/argmax'
import { meanInterval, type Interval } from '../math/statistics'
import { floatsOf, type Values } from '../runtime/value'
import {
  emptySamples,
  isFloatValue,
  perSample,
  preferNamed,
  recordSample,
  rowSize,
  weightedMean,
} from './metric'
import { NumbersMeter } from './numbers'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byLikenessOrAnswer, countText } from './comparisons'
import type { TaskDeclaration } from './task'

/** Equal outputs have infinite SQNR; this stands for "no difference", beyond what float32 can show. */
const SQNR_CEILING = 200

function momentsOf(values: readonly number[]): { mean: number; variance: number } {
  const n = Math.max(1, values.length)
  const mean = values.reduce((sum, v) => sum + v, 0) / n
  return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n }
}

class OutputFidelity {
  private readonly cosines: number[] = []
  /** Of outputs of one number, whose cosine is always ±1: squared errors and the original's answers. */
  private readonly errors: number[] = []
  private readonly answers: number[] = []
  private signal = 0
  private noise = 0
  private worst = 0
  private same = 0
  nonFinite = 0
  samples = 0

  constructor(private readonly classes: number) {}

  /** Cosine of each row, and its top element. An element that is not finite counts as zero. */
  add(
    data: Float32Array,
    reference: Float32Array,
    rows: number,
    visit?: (cosine: number, top: number) => void,
  ): void {
    const size = reference.length / rows
    for (let row = 0; row < rows; row++) {
      const start = row * size
      let dot = 0
      let a2 = 0
      let b2 = 0
      let bad = false
      let difference2 = 0
      for (let i = start; i < start + size; i++) {
        const b = reference[i]!
        let a = data[i]!
        if (a - b !== a - b) {
          // Equal infinities carry no error; anything else that is not finite loses its whole signal.
          if (a === b || !Number.isFinite(b)) continue
          bad = true
          a = 0
        } else if (a - b === Infinity || a - b === -Infinity) {
          if (!Number.isFinite(b)) continue
          bad = true
          a = 0
        }
        const error = a - b
        dot += a * b
        a2 += a * a
        b2 += b * b
        difference2 += error * error
        if (error > this.worst) this.worst = error
        else if (-error > this.worst) this.worst = -error
      }
      this.noise += difference2
      this.signal += b2
      if (bad) this.nonFinite++
      const cosine = a2 === 0 || b2 === 0 ? (a2 === b2 ? 1 : 0) : Math.min(1, dot / Math.sqrt(a2 * b2))
      if (size === 1) {
        const answer = reference[row]!
        this.answers.push(Number.isFinite(answer) ? answer : 0)
        this.errors.push(difference2)
      } else this.cosines.push(cosine)
      this.samples++
      if (!visit && !this.classes) continue
      const top = argmax(data, start, size)
      if (top === argmax(reference, start, size)) this.same++
      visit?.(cosine, top)
    }
  }

  /** A number a sample, 1 for equal: its cosine, or one less its squared error over the spread of the original's answers. */
  likenesses(): readonly number[] {
    if (this.answers.length === 0) return this.cosines
    const { variance } = momentsOf(this.answers)
    return this.errors.map((error) => (error === 0 ? 1 : variance > 0 ? 1 - error / variance : 0))
  }

  fidelity(): Fidelity {
    const { samples, noise, signal } = this
    const sqnr = noise === 0 ? SQNR_CEILING : signal === 0 ? -SQNR_CEILING : 10 * Math.log10(signal / noise)
    return {
      ...(this.answers.length === 0 && { cosine: samples ? momentsOf(this.cosines).mean : 0 }),
      sqnr: Math.max(-SQNR_CEILING, Math.min(SQNR_CEILING, sqnr)),
      ...(this.classes > 1 && { agreement: samples ? this.same / samples : 0 }),
      maxAbsoluteError: this.worst,
      samples,
    }
  }

  interval(): Interval {
    const all = this.likenesses()
    const sum = (of: (v: number) => number): number => all.reduce((total, v) => total + of(v), 0)
    const [low, high] = meanInterval(
      all.length,
      sum((v) => v),
      sum((v) => v * v),
    )
    return [Math.max(-1, low), Math.min(1, high)]
  }
}

/** Fidelity of every output in `names`; the worst of them, by SQNR, stands for the model. */
export class FidelityMeter {
  private readonly outputs: Map<string, OutputFidelity>

  constructor(
    private readonly names: readonly string[],
    classes: number,
  ) {
    this.outputs = new Map(names.map((name, i) => [name, new OutputFidelity(i === 0 ? classes : 0)]))
  }

  add(outputs: Values, reference: Values, rows: number, visit?: (cosine: number, top: number) => void): void {
    for (const [i, name] of this.names.entries()) {
      const before = floatsOf(reference[name]!)
      this.outputs.get(name)!.add(floatsOf(outputs[name]!), before, rows, i === 0 ? visit : undefined)
    }
  }

  get nonFinite(): number {
    return Math.max(0, ...[...this.outputs.values()].map((o) => o.nonFinite))
  }

  private worst(): OutputFidelity {
    return [...this.outputs.values()].reduce((a, b) => (b.fidelity().sqnr < a.fidelity().sqnr ? b : a))
  }

  fidelity(): Fidelity {
    const first = this.outputs.get(this.names[0]!)!
    const { agreement } = first.fidelity()
    return { ...this.worst().fidelity(), ...(agreement !== undefined && { agreement }) }
  }

  interval(): Interval {
    return this.worst().interval()
  }

  /** Mean likeness a sample of the output that stands for the model. */
  value(): number {
    return momentsOf(this.worst().likenesses()).mean
  }

  /** The same with each sample counted as often as its weight says. */
  reweighted(weights: Float64Array): number {
    return weightedMean(this.worst().likenesses(), weights)
  }
}

/** Without labels every floating-point output counts; a first output of rank 2 is read as scores of classes. */
function choose(outputs: Values, { rows }: MetricContext): OutputChoice {
  const floats = perSample(outputs, rows).filter(([, value]) => isFloatValue(value))
  const first = preferNamed(floats, [/logit/i, /prob|score/i])
  if (!first) {
    const given = Object.entries(outputs).map(([name, { dtype }]) => `${name} (${dtype})`)
    throw new PareError('model/no-scores', { outputs: given.join(', ') })
  }
  const names = [first[0], ...floats.map(([name]) => name).filter((name) => name !== first[0])]
  const classes = first[1].dims.length === 2 && rowSize(first[1]) > 1 ? rowSize(first[1]) : 0
  const reason =
    names.length === 1
      ? `${first[0]} is the only output of numbers`
      : 'every output counts, the worst is shown'
  const isNumbers = names.every((name) => rowSize(outputs[name]!) === 1)
  return { names, form: isNumbers ? 'numbers' : 'values', scale: 'logits', classes, reason }
}

class UnlabelledMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly inner: FidelityMeter

  constructor(private readonly choice: OutputChoice) {
    this.inner = new FidelityMeter(choice.names, choice.classes)
  }

  add({ indices, rows, outputs, reference }: Observation): void {
    let row = 0
    this.inner.add(outputs, reference, rows, (cosine, top) => {
      // Which of the numbers of a picture is the largest is no answer.
      recordSample(this.samples, indices[row++]!, null, this.choice.classes > 1 ? top : -1, cosine)
    })
  }

  result(): Measured {
    const { sqnr, agreement, maxAbsoluteError, samples } = this.inner.fidelity()
    return {
      quality: {
        metric: 'cosine',
        value: this.inner.value(),
        samples,
        interval: this.inner.interval(),
        higherIsBetter: true,
        others: { sqnr, maxAbsoluteError, ...(agreement !== undefined && { agreement }) },
      },
      samples: this.samples,
      reweighted: (weights) => this.inner.reweighted(weights),
      nonFinite: this.inner.nonFinite,
      notes: [],
    }
  }
}

export const unlabelled: TaskDeclaration = {
  id: 'unlabelled',
  metric: 'cosine',
  choose,
  meter: (choice) => (choice.form === 'numbers' ? new NumbersMeter(choice) : new UnlabelledMeter(choice)),
  protects: 'values',
  comparison: byLikenessOrAnswer,
  answerText: countText,
  loss: { fits: () => true },
}
