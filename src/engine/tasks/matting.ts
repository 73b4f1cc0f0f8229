/**
 * How much of a thing each pixel shows (saliency, matting, a mask of one class): mean absolute error, and the largest
 * F-measure over thresholds with β² = 0.3 (Achanta et al., CVPR 2009), as PySODMetrics computes them. Interval: normal
 * approximation over pictures.
 */
import { meanInterval } from '../math/statistics'
import { PareError } from '../../contract/errors'
import { sizeOf } from '../onnx'
import { floatsOf, type Values } from '../runtime/value'
import { byDistance, countText } from './comparisons'
import { maskViews } from './mask-view'
import { emptySamples, outputOf, recordSample, rowSize, weightedMean } from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import type { TaskDeclaration } from './task'

const LEVELS = 256
const BETA = 0.3

function choose(outputs: Values, { rows, labels }: MetricContext): OutputChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'matteMae' })
  const size = rowSize(labels)
  const named = [/alpha|matte|mask|sal/i, /^(output|y)/i]
  const best = outputOf(outputs, rows, size, named, `an output of one number for each of the ${size} pixels`)
  const unit = floatsOf(best[1]).every((v) => v >= -0.001 && v <= 1.001)
  return {
    names: [best[0]],
    form: 'values',
    scale: unit ? 'probabilities' : 'logits',
    classes: 0,
    reason: `${best[0]} gives one ${unit ? 'share' : 'logit'} a pixel`,
  }
}

/** The share an output says; logits through a sigmoid, what is not finite as none. */
function shareOf(value: number, scale: OutputChoice['scale']): number {
  if (Number.isNaN(value)) return 0
  return Math.min(1, Math.max(0, scale === 'logits' ? 1 / (1 + Math.exp(-value)) : value))
}

class MattingMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly curve = new Float64Array(LEVELS)
  private sum = 0
  private squares = 0
  private nonFinite = 0

  constructor(private readonly choice: OutputChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'matteMae' })
    const [given, truth] = [floatsOf(outputs[this.choice.names[0]!]!), floatsOf(labels)]
    const size = truth.length / rows
    for (let row = 0; row < rows; row++) {
      const [things, others] = [new Float64Array(LEVELS), new Float64Array(LEVELS)]
      let error = 0
      let bad = false
      for (let i = row * size; i < (row + 1) * size; i++) {
        if (Number.isNaN(given[i]!)) bad = true
        const share = shareOf(given[i]!, this.choice.scale)
        error += Math.abs(share - truth[i]!)
        const level = Math.min(LEVELS - 1, Math.floor(share * 255))
        ;(truth[i]! > 0.5 ? things : others)[level]!++
      }
      if (bad) this.nonFinite++
      error /= size
      this.addCurve(things, others)
      this.sum += error
      this.squares += error * error
      recordSample(this.samples, indices[row]!, null, 1 - error, error)
    }
  }

  /** F at each threshold, from the highest on. */
  private addCurve(things: Float64Array, others: Float64Array): void {
    const there = Math.max(
      1,
      things.reduce((a, b) => a + b, 0),
    )
    let right = 0
    let found = 0
    for (let level = LEVELS - 1; level >= 0; level--) {
      right += things[level]!
      found += things[level]! + others[level]!
      const [precision, recall] = [right / Math.max(1, found), right / there]
      if (right > 0) this.curve[level]! += ((1 + BETA) * precision * recall) / (BETA * precision + recall)
    }
  }

  result(): Measured {
    const { samples, sum, squares } = this
    const n = samples.index.length
    const [low, high] = meanInterval(n, sum, squares)
    return {
      quality: {
        metric: 'matteMae',
        value: n ? sum / n : 0,
        samples: n,
        interval: [Math.max(0, low), high],
        higherIsBetter: false,
        others: { matteF: n ? Math.max(...this.curve) / n : 0 },
      },
      samples,
      reweighted: (weights) => weightedMean(samples.score, weights),
      nonFinite: this.nonFinite,
      notes: [],
    }
  }
}

export const matting: TaskDeclaration = {
  id: 'matting',
  metric: 'matteMae',
  choose,
  meter: (choice) => new MattingMeter(choice),
  protects: 'values',
  comparison: byDistance,
  answerText: countText,
  loss: {
    fits: (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
    labels: () => ({ kind: 'binary-cross-entropy', classAxis: -1 }),
  },
  view: ({ outputs, choice, label }) => {
    const [height, width] = label!.dims.slice(-2) as [number, number]
    const map = (data: Float32Array): Float32Array => data.map((v) => shareOf(v, choice.scale))
    return maskViews(
      outputs.map((values) => ({ width, height, shares: map(floatsOf(values[choice.names[0]!]!)) })),
      { width, height, shares: floatsOf(label!) },
    )
  },
}
