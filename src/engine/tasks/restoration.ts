/**
 * Pictures made of pictures (denoised, sharper, larger): peak signal to noise and structural similarity, means over
 * pictures as scikit-image computes them. Interval: normal approximation over pictures.
 */
import { meanInterval } from '../math/statistics'
import { PareError } from '../../contract/errors'
import { sizeOf } from '../onnx'
import { floatsOf, type Values } from '../runtime/value'
import { byDecibel, decibelText } from './comparisons'
import {
  emptySamples,
  isFloatValue,
  noOutputFits,
  perSample,
  preferNamed,
  recordSample,
  rowSize,
  weightedMean,
} from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { ssim, type Planes } from './ssim'
import type { TaskDeclaration } from './task'

interface PictureChoice extends OutputChoice {
  /** From the darkest value to the brightest. */
  range: number
  /** Added to values, so that the darkest is 0: the likeness of structure is of brightness from nothing on. */
  lift: number
}

/** Equal pictures have infinite PSNR; this stands for "no difference". */
const CEILING = 100

function choose(outputs: Values, { rows, labels }: MetricContext): PictureChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'psnr' })
  const size = rowSize(labels)
  const fitting = perSample(outputs, rows).filter(
    ([, value]) => isFloatValue(value) && rowSize(value) === size,
  )
  const best = preferNamed(fitting, [/^(out|y|sr|hr|img|image)/i])
  if (!best) throw noOutputFits(`an output of pictures of ${size} numbers, as the labels are`, outputs)
  const data = floatsOf(labels)
  const [low, high] = data.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity])
  const range = high > 2 ? 255 : low < 0 ? 2 : 1
  const said = { 255: '0 to 255', 2: '−1 to 1', 1: '0 to 1' }[range]
  const reason = `${best[0]} gives pictures as the labels are, in values from ${said}`
  return {
    names: [best[0]],
    form: 'values',
    scale: 'logits',
    classes: 0,
    range,
    lift: range === 2 ? 1 : 0,
    reason,
  }
}

/** Channels first or last, of one sample's dimensions. */
function planesOf(dims: readonly number[]): Planes {
  const [a, b, c] = dims.length === 2 ? [1, ...dims] : dims.slice(-3)
  const [channels, height, width] = [a!, b!, c!]
  return channels <= 4 || width > 4
    ? { channels, height, width, step: 1, plane: height * width }
    : { channels: width, height: channels, width: height, step: width, plane: 1 }
}

class PictureMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly alike: number[] = []
  private nonFinite = 0

  constructor(private readonly choice: PictureChoice) {}

  add({ indices, rows, outputs, labels }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'psnr' })
    const { range, lift, names } = this.choice
    const [given, truth] = [floatsOf(outputs[names[0]!]!), floatsOf(labels)]
    const size = truth.length / rows
    const planes = planesOf(labels.dims.slice(1))
    for (let row = 0; row < rows; row++) {
      const [mine, right] = [given, truth].map((all) =>
        all.slice(row * size, (row + 1) * size).map((v) => v + lift),
      )
      let bad = false
      let squares = 0
      for (let i = 0; i < size; i++) {
        // What is no number is taken for as wrong as can be.
        if (!Number.isFinite(mine![i]!)) {
          bad = true
          mine![i] = right![i]! + range
        }
        squares += (mine![i]! - right![i]!) ** 2
      }
      if (bad) this.nonFinite++
      const decibel = Math.min(CEILING, 10 * Math.log10((range * range * size) / squares))
      this.alike.push(ssim(mine!, right!, planes, range))
      recordSample(this.samples, indices[row]!, null, decibel, decibel)
    }
  }

  result(): Measured {
    const { samples, alike } = this
    const n = samples.index.length
    const sum = (values: readonly number[], of = (v: number): number => v): number =>
      values.reduce((total, v) => total + of(v), 0)
    return {
      quality: {
        metric: 'psnr',
        value: n ? sum(samples.score) / n : 0,
        samples: n,
        interval: meanInterval(
          n,
          sum(samples.score),
          sum(samples.score, (v) => v * v),
        ),
        higherIsBetter: true,
        others: { ssim: n ? sum(alike) / n : 0 },
      },
      samples,
      reweighted: (weights) => weightedMean(samples.score, weights),
      nonFinite: this.nonFinite,
      notes: [],
    }
  }
}

export const restoration: TaskDeclaration = {
  id: 'restoration',
  metric: 'psnr',
  choose,
  meter: (choice) => new PictureMeter(choice as PictureChoice),
  protects: 'values',
  comparison: byDecibel,
  answerText: decibelText,
  loss: {
    fits: (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
    labels: () => ({ kind: 'squared-error', classAxis: -1 }),
  },
}
