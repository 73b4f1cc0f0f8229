/**
 * Something happens or not, told by one score a step: events missed and false alarms at a threshold, an hour where it is
 * known how long a step is, and how late an event is found. The main metric is F1 over events. Interval: bootstrap over
 * samples, over clips where samples are steps of some.
 */
import type { EventView } from '../../../contract/sample-views'
import { PareError } from '../../../contract/errors'
import { seeded } from '../../math/random'
import { bootstrap } from '../../math/statistics'
import { sizeOf } from '../../onnx'
import { floatsOf, type Value, type Values } from '../../runtime/value'
import { byAnswer } from '../comparisons'
import {
  emptySamples,
  isFloatValue,
  noOutputFits,
  perSample,
  preferNamed,
  recordSample,
  rowSize,
} from '../metric'
import type { Measured, Meter, MetricContext, Observation, OutputChoice } from '../metric'
import type { Shown, TaskDeclaration } from '../task'
import { waveOf } from '../wave-view'
import { alarmsOf, counted } from './alarms'

interface EventChoice extends OutputChoice {
  /** From one sample to the next, where that is known. */
  seconds?: number
}

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))

function choose(outputs: Values, { rows, labels, seconds }: MetricContext): EventChoice {
  if (!labels) throw new PareError('data/labels-missing', { by: 'eventF1' })
  const fitting = perSample(outputs, rows).filter(([, value]) => isFloatValue(value) && rowSize(value) === 1)
  const best = preferNamed(fitting, [/prob|sigmoid|score|logit/i, /^(output|y)/i])
  if (!best) throw noOutputFits('an output of one score a sample', outputs)
  const probabilities = floatsOf(best[1]).every((v) => v >= 0 && v <= 1)
  const reason = `${best[0]} has one ${probabilities ? 'probability' : 'logit'} a sample, an alarm from ${probabilities ? '0.5' : '0'} on`
  return {
    names: [best[0]],
    form: 'single-score',
    scale: probabilities ? 'probabilities' : 'logits',
    classes: 2,
    reason,
    ...(seconds !== undefined && { seconds }),
  }
}

/** How sure the model is of each sample, from 0 to 1; NaN where it says no number. */
const surenessOf = (outputs: Values, { names, scale }: OutputChoice): number[] =>
  Array.from(floatsOf(outputs[names[0]!]!), (v) => (scale === 'logits' ? sigmoid(v) : v))

const THRESHOLD = 0.5

const truthOf = (labels: Value): boolean[] => Array.from(floatsOf(labels), (v) => v > 0.5)

class EventMeter implements Meter {
  private readonly samples = emptySamples()
  private readonly truth: boolean[] = []
  private readonly alarm: boolean[] = []
  private readonly follows: boolean[] = []
  private nonFinite = 0

  constructor(private readonly choice: EventChoice) {}

  add({ indices, rows, outputs, labels, follows }: Observation): void {
    if (!labels) throw new PareError('data/labels-missing', { by: 'eventF1' })
    const sure = surenessOf(outputs, this.choice)
    const truth = truthOf(labels)
    for (let row = 0; row < rows; row++) {
      const value = sure[row]!
      const bad = Number.isNaN(value)
      if (bad) this.nonFinite++
      const alarm = value >= THRESHOLD
      this.truth.push(truth[row]!)
      this.alarm.push(alarm)
      this.follows.push(follows?.[row] ?? false)
      recordSample(this.samples, indices[row]!, Number(truth[row]), Number(alarm), bad ? 0 : value)
    }
  }

  result(): Measured {
    const { samples, truth, alarm, follows, choice } = this
    const n = truth.length
    const alarms = alarmsOf({ truth, alarm, follows })
    const f1 = (weights?: Float64Array): number => counted(alarms, weights).f1
    const { found, missed, falseAlarms } = counted(alarms)
    const delays = alarms.events.flatMap(({ delay }) => (delay === undefined ? [] : [delay]))
    const late = delays.length > 0 ? delays.reduce((sum, delay) => sum + delay, 0) / delays.length : 0
    const step = choice.seconds
    // Alarms can be false only where nothing happens.
    const quiet = (truth.filter((yes) => !yes).length * (step ?? 0)) / 3600
    return {
      quality: {
        metric: 'eventF1',
        value: f1(),
        samples: n,
        interval: n ? bootstrap(n, f1, seeded(17)) : [0, 1],
        higherIsBetter: true,
        others: {
          missed: found + missed > 0 ? missed / (found + missed) : 0,
          falseAlarms,
          ...(quiet > 0 && { falseAlarmsPerHour: falseAlarms / quiet }),
          ...(step === undefined ? { delaySteps: late } : { delaySeconds: late * step }),
        },
      },
      samples,
      reweighted: f1,
      nonFinite: this.nonFinite,
      notes:
        step === undefined
          ? [
              'How long a sample lasts is not known, so false alarms are counted, not given an hour: say it as “seconds” in the data spec.',
            ]
          : [],
    }
  }
}

function view({ choice, steps }: Shown): EventView[] {
  const { outputs, labels, inputs, at } = steps!
  const truth = labels.flatMap((one) => Array.from(truthOf(one), Number))
  const wave = waveOf(inputs)
  return outputs.map((own) => ({
    kind: 'events',
    scores: own.flatMap((values) => surenessOf(values, choice)).map((v) => (Number.isNaN(v) ? 0 : v)),
    truth,
    threshold: THRESHOLD,
    at,
    ...(wave && { wave }),
  }))
}

const WORDS = ['quiet', 'event']

export const events: TaskDeclaration = {
  id: 'events',
  metric: 'eventF1',
  choose,
  meter: (choice) => new EventMeter(choice),
  protects: 'several',
  noSkill: 0,
  comparison: byAnswer,
  answerText: (value) => WORDS[value] ?? 'no answer',
  labelText: (label) => WORDS[Number(truthOf(label)[0])]!,
  carries: 'numbers',
  threshold: ({ scale }) => (scale === 'logits' ? 0 : THRESHOLD),
  loss: {
    fits: (dims, labels) => !labels || sizeOf(dims) === sizeOf(labels.dims),
    labels: () => ({ kind: 'binary-cross-entropy', classAxis: -1 }),
    augmentable: true,
  },
  clips: true,
  view,
}
