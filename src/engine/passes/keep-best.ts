import zlib from 'node:zlib'
import { z } from 'zod'
import { formatPoints, plural } from '../../contract/format'
import { pointsLost } from '../../contract/points'
import { fasterText, ratioText, timeText } from '../../contract/verdict'
import { comparisonBatches, exampleFeeds } from '../data/feeds'
import { divergences, divergenceText, type Divergence } from '../evaluate/comparison/divergence'
import { measureLatency } from '../evaluate/latency'
import { measureQuality } from '../evaluate/quality'
import { modelledSeconds } from '../evaluate/target-latency'
import { encodeModel, type Model } from '../onnx'
import { affordable, samplesOf, secondsOfRun, signatureOf, traceShapes, type Values } from '../runtime'
import { float16 } from './float16'
import { partFailure } from './part-failure'
import { definePass, type Pass, type PassContext, type PassResult } from './pass'
import { quantizeDynamic } from './quantize-dynamic'
import { quantizeWeights } from './quantize-weights'
import { simplifyPass } from './simplify'
import { taskOf } from '../tasks'

const ID = 'keep-best'

const OBJECTIVES = ['exact', 'balance', 'speed', 'size'] as const
type Objective = (typeof OBJECTIVES)[number]

const params = z.object({
  objective: z.enum(OBJECTIVES).default('balance').meta({
    label: 'Aim (objective)',
    help: '"exact": what the recipe made, unless it is no gain; "balance": smallest and fastest together; "speed": fastest; "size": smallest download.',
  }),
  maxLoss: z.number().min(0).max(100).default(1).meta({
    label: 'Largest loss',
    unit: 'points',
    help: 'Points of quality on calibration data that may be lost; without labels, answers out of 100 that may change, or percent of the variance of the outputs that may be error.',
  }),
})

type Params = z.output<typeof params>

/**
 * Plain alternatives that take seconds: each is one pass on the cleaned-up original. Codes are restored when the model is
 * loaded: packed products took 5.3 times as long as floats in 8 bits (dtln_2, ONNX Runtime 1.30).
 */
const ALTERNATIVES: readonly {
  title: string
  pass: Pass
  params: Record<string, unknown>
  objectives: readonly Objective[]
  /** Too coarse to be taken without samples that judge it. */
  coarse?: boolean
}[] = [
  {
    title: 'weights stored as float16',
    pass: float16,
    params: { compute: 'float32' },
    objectives: OBJECTIVES,
  },
  {
    title: 'dynamic int8',
    pass: quantizeDynamic,
    params: {},
    objectives: ['balance', 'speed', 'size'],
  },
  {
    title: '8-bit weights, float arithmetic',
    pass: quantizeWeights,
    params: { bits: 8, method: 'rtn', block: 0, symmetric: true, storage: 'plain' },
    objectives: ['balance', 'speed', 'size'],
  },
  {
    title: '4-bit weights, 8 where 4 cost too much',
    pass: quantizeWeights,
    params: { bits: 4, method: 'rtn', storage: 'plain' },
    objectives: ['size'],
    coarse: true,
  },
]

/** What the recipe made gives way only to what is better by more than noise. */
const CLEARLY = 0.95
/** Above this share of the original's time a model is slower beyond noise. */
const SLOWER = 1.03
const SECONDS_TO_EVALUATE = 8
const SECONDS_TO_TIME = 2
/** Of what is kept: five times the usual number, so that a few percent which a report may find are not lost in noise. */
const ROUNDS_ALONE = 1000
const MOST_SAMPLES = 320
const LEAST_SAMPLES = 16

interface Contender {
  title: string
  model: Model
  layers?: PassResult['layers']
  skipped?: PassResult['skipped']
  own: boolean
}

/** Points of quality on labels, or what `Divergence` tells without. */
interface Loss {
  loss: number
  lossOf: 'quality' | Divergence['of']
}

interface Trial extends Contender, Loss {
  /** Shares of the original's. */
  bytes: number
  /** What is sure of it, by its interval: a median on a busy machine is no gain. */
  time: number
  slower: boolean
  /** Of the time, with what it was told by. */
  speed: string
  /** Which size counts. */
  of: 'file' | 'download'
}

export const keepBest = definePass({
  id: ID,
  title: 'Keep the best',
  term: 'model selection',
  family: 'clean-up',
  role: 'chooses',
  after: ['normalizes', 'removes', 'trains', 'prepares', 'encodes', 'stores'],
  summary:
    'Compares what the recipe made with the plain alternatives that take seconds, and keeps the best: smaller than the original, no slower, within the loss allowed.',
  sources: ['arXiv:2004.09602', 'onnxruntime.ai/docs, Quantize ONNX Models'],
  params,
  run: choose,
})

async function choose(
  model: Model,
  { objective, maxLoss }: Params,
  context: PassContext,
): Promise<PassResult> {
  const contenders: Contender[] = [{ title: 'what the recipe made', model, own: true }]
  const plain = await cleaned(context)
  const { standIn } = context.data ?? {}
  const isReal = context.data !== undefined && standIn === undefined
  const wanted = ALTERNATIVES.filter(
    ({ objectives, coarse }) => objectives.includes(objective) && (!coarse || isReal),
  )
  for (const [i, { title, pass, params: given }] of wanted.entries()) {
    context.progress((0.4 * i) / wanted.length, `trying ${title}`)
    const within = 'bits' in given ? { ...given, maxLoss } : given
    const made = await runPass(pass, plain, within, context)
    if (made) contenders.push({ title, own: false, ...made })
  }
  context.progress(0.4, 'comparing them with the original')
  const together = await measureTrials(contenders, objective, context)
  const { chosen, trials } = await timedAlone(together, { objective, maxLoss }, context)
  const on = isReal
    ? ` on ${context.data!.task === 'unlabelled' ? 'unlabelled' : 'calibration'} samples`
    : `, on ${standIn?.words ?? 'random inputs'}: what it costs on real ones is not known`
  const compared = `compared with ${plural(trials.length - 1, 'plain alternative')}${on}`
  if (!chosen) {
    const gain = TIMED.includes(objective)
      ? 'smaller than the original and no slower'
      : 'smaller than the original'
    const reason = `nothing tried is ${gain} within a loss of ${maxLoss}: ${trials.map(worded).join('; ')}`
    return { model: plain, summary: `Only cleaned up: ${reason}; ${compared}.`, restarts: true }
  }
  const warning = warningOf(chosen)
  const others = trials.filter((one) => one !== chosen && one.own)
  if (chosen.own)
    return { model, summary: `Kept what the recipe made (${figures(chosen)}), ${compared}${warning}.` }
  return {
    model: chosen.model,
    summary: `Kept ${worded(chosen)} instead of ${others.map(worded).join('')}, ${compared}${warning}.`,
    layers: chosen.layers,
    skipped: chosen.skipped,
    restarts: true,
  }
}

/** Whatever is slower is said to be, by however little: what is measured again may be so by more. */
export function warningOf({ slower, time }: Pick<Trial, 'slower' | 'time'>): string {
  if (slower) return '; it is slower than the original all the same, as everything within the loss is'
  return time > 1 ? '; it is slower than the original by a little' : ''
}

async function cleaned(context: PassContext): Promise<Model> {
  return (await runPass(simplifyPass, context.original, {}, context))?.model ?? context.original
}

/** Undefined where a pass has nothing to do on this model, or cannot do it. Throws what no other pass could help. */
async function runPass(
  pass: Pass,
  model: Model,
  given: Record<string, unknown>,
  context: PassContext,
): Promise<PassResult | undefined> {
  const { signal } = context
  signal.throwIfAborted()
  try {
    return await pass.run(model, given, { ...context, progress: () => signal.throwIfAborted() })
  } catch (cause) {
    partFailure(cause)
    return undefined
  }
}

async function measureTrials(
  contenders: readonly Contender[],
  objective: Objective,
  context: PassContext,
): Promise<Trial[]> {
  const { original, target } = context
  const feeds = await exampleFeeds(context)
  const models = contenders.map(({ model }) => model)
  const each = await secondsOfRun(original, feeds)
  const count = affordable(SECONDS_TO_EVALUATE, each, {
    runs: models.length + 1,
    least: LEAST_SAMPLES,
    most: MOST_SAMPLES,
  })
  const losses = await lossesOf(models, count, context)
  const bytes = [original, ...models].map((model) => sizeFor(objective, model))
  const times = target.device
    ? await modelled(context, models, feeds)
    : await measured(context, models, feeds)
  return contenders.map((contender, i) => ({
    ...contender,
    ...losses[i]!,
    bytes: bytes[i + 1]! / bytes[0]!,
    of: objective === 'size' ? 'download' : 'file',
    ...times[i]!,
  }))
}

/** Only a download is zipped. */
const sizeFor = (objective: Objective, model: Model): number => {
  const file = encodeModel(model)
  return objective === 'size' ? zlib.deflateRawSync(file).length : file.length
}

async function lossesOf(models: readonly Model[], count: number, context: PassContext): Promise<Loss[]> {
  const { data, original } = context
  const usable = data && data.splits.calibration.length > 0 ? data : undefined
  if (usable && ['class', 'several'].includes(taskOf(usable.task).protects)) {
    const { original: before, candidates } = await measureQuality(original, models, {
      dataset: usable,
      split: 'calibration',
      limit: count,
      signal: context.signal,
    })
    return candidates.map(({ quality, nonFinite }) => ({
      loss: nonFinite > 0 ? 100 : pointsLost(before.quality, quality),
      lossOf: 'quality',
    }))
  }
  const batches = await comparisonBatches(context, count, ID)
  const found = await divergences(original, models, batches, { classes: false })
  return found.map(({ points, of }) => ({ loss: points, lossOf: of }))
}

/** The best by what it takes beside the original alone, as a report times it, and not in turn with many others. */
async function timedAlone(
  trials: readonly Trial[],
  aim: Params,
  context: PassContext,
): Promise<{ chosen?: Trial; trials: Trial[] }> {
  const known = [...trials]
  const alone = new Set<Trial>()
  for (;;) {
    const chosen = best(known, aim)
    if (!chosen || context.target.device || alone.has(chosen)) return { chosen, trials: known }
    const [time] = await measured(context, [chosen.model], await exampleFeeds(context), ROUNDS_ALONE)
    const again = { ...chosen, ...time! }
    known[known.indexOf(chosen)] = again
    alone.add(again)
  }
}

type Time = Pick<Trial, 'time' | 'slower' | 'speed'>

async function modelled(
  { original, target }: PassContext,
  models: readonly Model[],
  feeds: Values,
): Promise<Time[]> {
  const before = modelledSeconds(original, await traceShapes(original, { feeds }), target.device!)
  const times: Time[] = []
  for (const model of models) {
    const time = modelledSeconds(model, await traceShapes(model, { feeds }), target.device!) / before
    times.push({ time, slower: time > SLOWER, speed: `${fasterText(time)} on ${target.id} by estimate` })
  }
  return times
}

async function measured(
  { original, signal }: PassContext,
  models: readonly Model[],
  feeds: Values,
  rounds?: number,
): Promise<Time[]> {
  const sample = samplesOf(signatureOf(original), feeds)
  const seconds = SECONDS_TO_TIME
  const { candidates } = await measureLatency(original, models, { sample, seconds, rounds, signal })
  return candidates.map(({ ratio }) => ({
    time: nearestToOne(ratio.interval),
    slower: ratio.interval[0] > SLOWER,
    speed: timeText(ratio),
  }))
}

/** The end of an interval that is nearest to 1, and 1 where that lies within. */
export const nearestToOne = ([low, high]: readonly [number, number]): number =>
  low > 1 ? low : Math.min(1, high)

/** The smaller, the better. */
function scoreFor(objective: Objective, { bytes, time, own }: Trial): number {
  const value = { exact: bytes, balance: bytes * time, speed: time, size: bytes }[objective]
  // What keeps the arithmetic exact is not given up for bytes.
  return own ? (objective === 'exact' ? 0 : value * CLEARLY) : value
}

/** Aims that a model slower than the original misses, however small it is. */
const TIMED: readonly Objective[] = ['balance', 'speed']

/** Undefined where none is smaller than the original within the loss, or where time counts none that is no slower. */
export function best(trials: readonly Trial[], { objective, maxLoss }: Params): Trial | undefined {
  const gains = trials.filter(({ loss, bytes }) => loss <= maxLoss && bytes < 1)
  const usable = gains.filter(({ slower }) => !slower)
  const open = usable.length > 0 || TIMED.includes(objective) ? usable : gains
  return open.toSorted((a, b) => scoreFor(objective, a) - scoreFor(objective, b) || a.bytes - b.bytes)[0]
}

const worded = (one: Trial): string => `${one.title}: ${figures(one)}`

const lossWords = ({ loss, lossOf }: Loss): string =>
  lossOf === 'quality' ? `${formatPoints(loss)} lost` : divergenceText(loss, lossOf)

const figures = ({ loss, lossOf, bytes, of, speed }: Trial): string =>
  `${ratioText(1, bytes, `smaller ${of}`, `larger ${of}`, `${of} as large`)}, ${speed}, ${lossWords({ loss: Math.max(0, loss), lossOf })}`
