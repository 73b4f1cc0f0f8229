/** How plug-ins declare a task: in full, or by the score of one sample. */
import { z } from 'zod'
import { Task } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { seeded } from '../math/random'
import { bootstrap, blocksOf } from '../math/statistics'
import { floatsOf, type Value, type Values } from '../runtime/value'
import { byScore, numberText } from './comparisons'
import { emptySamples, noOutputFits, perSample, recordSample, weightedMean } from './metric'
import type { Measured, Meter, MetricContext, MetricFamily, Observation, OutputChoice } from './metric'
import type { TaskDeclaration } from './task'

/** What a model gives for one sample, or that sample's label. */
export interface Answer {
  /** Without the axis of samples; of a single number none. */
  dims: readonly number[]
  data: Float32Array
}

/** The metric is the mean of one number a sample; its interval is bootstrapped over samples, or clips of them. */
export interface ScoredTask {
  score(output: Answer, label: Answer): number
  /** Default: true. */
  higherIsBetter?: boolean
  /** Name of the output that is judged; default: the first. */
  output?: string
}

export interface Named {
  /** What `--task` and specs of data call it. */
  id: string
  /** What reports call its metric. One that Pare has a name for is written as that one is. */
  metric: string
}

/** What is not said of a task is as for one whose outputs should stay as they are and whose labels are not learned. */
export type TaskDefinition = Named &
  Partial<Omit<TaskDeclaration, keyof Named | keyof MetricFamily>> &
  (ScoredTask | Pick<MetricFamily, 'choose' | 'meter'>)

const Names = z.looseObject({ id: Task, metric: z.string().regex(/^[A-Za-z]\w{0,99}$/) })

/** Throws an Error for names that can be none, and where nothing says how answers are judged. */
export function defineTask(definition: TaskDefinition): TaskDeclaration {
  const { id, metric } = Names.parse(definition)
  const judged = 'score' in definition ? scored(metric, definition) : definition
  if (typeof judged.choose !== 'function' || typeof judged.meter !== 'function')
    throw new Error(`the task “${id}” has neither score nor choose and meter`)
  return {
    protects: 'values',
    comparison: byScore,
    answerText: numberText,
    // Of labels that only the plug-in understands nothing can be learned: then the original is imitated.
    loss: { fits: () => true },
    ...definition,
    ...judged,
    id,
    metric,
  }
}

const scored = (
  metric: string,
  { score, higherIsBetter = true, output }: ScoredTask,
): Pick<MetricFamily, 'choose' | 'meter'> => ({
  choose: (outputs, context) => chooseOutput(outputs, context, metric, output),
  meter: (choice) => new ScoreMeter(choice, metric, score, higherIsBetter),
})

function chooseOutput(
  outputs: Values,
  { rows, labels }: MetricContext,
  metric: string,
  named?: string,
): OutputChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: metric })
  const found = perSample(outputs, rows).find(([name]) => named === undefined || name === named)
  if (!found) throw noOutputFits(named ? `an output “${named}”` : 'an output of numbers a sample', outputs)
  const reason = named ? 'the task names it' : 'it is the first'
  return { names: [found[0]], form: 'values', scale: 'logits', classes: 0, reason }
}

class ScoreMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly follows: boolean[] = []
  private readonly nonFinite: number[] = []

  constructor(
    private readonly choice: OutputChoice,
    private readonly metric: string,
    private readonly score: ScoredTask['score'],
    private readonly higherIsBetter: boolean,
  ) {}

  add({ indices, rows, outputs, labels, follows }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: this.metric })
    const given = rowsOf(outputs[this.choice.names[0]!]!, rows)
    const truth = rowsOf(labels, rows)
    for (let row = 0; row < rows; row++) {
      const output = given[row]!
      const score = this.score(output, truth[row]!)
      if (!Number.isFinite(score) || !output.data.every(Number.isFinite))
        this.nonFinite.push(this.samples.score.length)
      recordSample(this.samples, indices[row]!, null, score, score)
      this.follows.push(follows?.[row] ?? false)
    }
  }

  result(): Measured {
    const { samples, metric, higherIsBetter, nonFinite } = this
    const bad = new Set(nonFinite)
    // What is no number counts as the worst there is among the others.
    const finite = samples.score.filter((_, i) => !bad.has(i))
    const worst = finite.reduce((a, b) => (b < a === higherIsBetter ? b : a), finite[0] ?? 0)
    for (const i of bad) samples.score[i] = samples.answer[i] = worst
    const n = samples.score.length
    const reweighted = (weights: Float64Array): number => weightedMean(samples.score, weights)
    return {
      quality: {
        metric,
        value: n ? reweighted(new Float64Array(n).fill(1)) : 0,
        samples: n,
        interval: n ? bootstrap(n, reweighted, seeded(17), 200, blocksOf(this.follows)) : [0, 0],
        higherIsBetter,
        others: {},
      },
      samples,
      reweighted,
      nonFinite: bad.size,
      notes: [],
    }
  }
}

function rowsOf(value: Value, rows: number): Answer[] {
  const data = floatsOf(value)
  const dims = value.dims.slice(1)
  const size = data.length / rows
  return Array.from({ length: rows }, (_, row) => ({
    dims,
    data: data.subarray(row * size, (row + 1) * size),
  }))
}
