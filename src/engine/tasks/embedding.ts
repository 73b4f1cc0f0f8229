/**
 * Vectors that are compared with each other: cosine to the original's vectors, whether the nearest neighbour of a sample
 * stays the same (retrieval agreement), and how alike the others are ranked by both. With class labels, where samples of
 * one class belong together, also nDCG and recall among the first ten and whether the nearest is of the same class. Interval of the cosine: normal approximation over samples.
 */
import { floatsOf, type Values } from '../runtime/value'
import { neighbours } from './neighbours'
import { FidelityMeter } from './fidelity'
import {
  emptySamples,
  isFloatValue,
  labelNumbers,
  noOutputFits,
  perSample,
  preferNamed,
  recordSample,
  rowSize,
} from './metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from './metric'
import { byNeighbour, neighbourText } from './comparisons'
import { rankCorrelation, rankedBy, retrieval, similarities, unit } from './ranking'
import type { TaskDeclaration } from './task'

/** Neighbours are sought among the first so many samples: the search is quadratic. */
const GALLERY = 1000

function choose(outputs: Values, { rows }: MetricContext): OutputChoice {
  const floats = perSample(outputs, rows).filter(([, value]) => isFloatValue(value) && rowSize(value) > 1)
  const vectors = floats.filter(([, value]) => value.dims.length === 2)
  const best = preferNamed(vectors.length ? vectors : floats, [/embed|pool|sentence|feature/i])
  if (!best) throw noOutputFits('an output of one vector a sample', outputs)
  const reason = `${best[0]} gives one vector of ${rowSize(best[1])} numbers a sample`
  return { names: [best[0]], form: 'values', scale: 'logits', classes: 0, reason }
}

class EmbeddingMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly fidelity: FidelityMeter
  private readonly vectors: Float32Array[] = []
  private readonly originals: Float32Array[] = []
  private readonly labels: number[] = []

  constructor(private readonly choice: OutputChoice) {
    this.fidelity = new FidelityMeter(choice.names, 0)
  }

  add({ indices, rows, outputs, reference, labels }: Observation): void {
    const name = this.choice.names[0]!
    const data = floatsOf(outputs[name]!)
    const before = floatsOf(reference[name]!)
    const size = before.length / rows
    const truth = labels ? labelNumbers(labels, 'retrieval') : undefined
    let row = 0
    this.fidelity.add(outputs, reference, rows, (cosine) => {
      const label = truth && truth.length === rows ? Number(truth[row]) : null
      recordSample(this.samples, indices[row]!, label, -1, cosine)
      if (this.vectors.length < GALLERY) {
        this.vectors.push(unit(data, row * size, size))
        this.originals.push(unit(before, row * size, size))
        if (label !== null) this.labels.push(label)
      }
      row++
    })
  }

  result(): Measured {
    const { labels } = this
    const { sqnr, samples, maxAbsoluteError } = this.fidelity.fidelity()
    const [now, before] = [similarities(this.vectors), similarities(this.originals)]
    const [near, nearBefore] = [now, before].map((all) => all.map((row) => rankedBy(row)[0]))
    const share = (same: (i: number) => boolean): number =>
      now.length > 1 ? now.reduce((sum, _, i) => sum + (same(i) ? 1 : 0), 0) / now.length : 1
    const labelled = labels.length === now.length ? retrieval(now, labels) : undefined
    for (const [i, other] of near!.entries())
      if (other !== undefined) this.samples.answer[i] = labelled ? labels[other]! : this.samples.index[other]!
    const named = !labelled && {
      text: this.samples.answer.map((at) => (at < 0 ? 'not compared' : `sample ${at}`)),
    }
    return {
      quality: {
        metric: 'cosine',
        value: this.fidelity.value(),
        samples,
        interval: this.fidelity.interval(),
        higherIsBetter: true,
        others: {
          retrievalAgreement: share((i) => near![i] === nearBefore![i]),
          rankCorrelation: rankCorrelation(now, before),
          ...(labelled && {
            retrievalAccuracy: share((i) => labels[near![i]!] === labels[i]),
            ...labelled,
          }),
          sqnr,
          maxAbsoluteError,
        },
      },
      samples: { ...this.samples, ...named },
      reweighted: (weights) => this.fidelity.reweighted(weights),
      nonFinite: this.fidelity.nonFinite,
      notes: samples > GALLERY ? [`Nearest neighbours were sought among the first ${GALLERY} samples.`] : [],
    }
  }
}

export const embedding: TaskDeclaration = {
  id: 'embedding',
  metric: 'cosine',
  choose,
  meter: (choice) => new EmbeddingMeter(choice),
  protects: 'values',
  comparison: byNeighbour,
  answerText: neighbourText,
  loss: { fits: () => true },
  // As many as fit a look: every one of them is run when a sample is opened.
  gallery: 200,
  view: neighbours,
}
