/**
 * Random inputs within what a model declares, for when there is no data: they show likeness, never quality. Nothing
 * is calibrated or trained on them: what flows through a model on noise is not what flows on its data. Calibration has
 * inputs that were made to match what the model learned, where there are some.
 */
import { SPLITS, type Preprocessing, type SplitName } from '../../contract/dataset'
import type { Model } from '../onnx'
import {
  concatRows,
  pickRows,
  randomFeeds,
  samplesOf,
  signatureOf,
  sliceRows,
  traceShapes,
  workingFeeds,
  workOf,
  type Values,
} from '../runtime'
import { assemble } from './assembled'
import type { Dataset } from './dataset'
import type { Source } from './source'
import type { Part } from './splits'

/** Likeness needs no more; large models are compared on fewer, down to LEAST, the same number on every machine. */
const MOST = 256
const LEAST = 8
/** Work of all samples together, in multiply-accumulates: some seconds of one core. */
const AFFORDABLE = 3e10

async function samplesWorth(model: Model, feeds: Values): Promise<number> {
  const work = workOf(model, await traceShapes(model, { feeds }))
  return Math.min(MOST, Math.max(LEAST, Math.floor(AFFORDABLE / work)))
}

const PLAIN: Preprocessing = { kind: 'array', scale: 1, mean: [0], std: [1], columns: {} }

/** Inputs that stand in for calibration samples. */
interface StandIn {
  samples: number
  /** BatchNormalization layers they were matched to. */
  layers: number
  /** By input, samples on the first axis. */
  make(): Promise<Values>
}

/**
 * A dataset of kind 'random' and task 'unlabelled': seeded samples in every dynamic length that was found to run,
 * the same ones on every machine, by default as many as the model's work allows; splits that are not `filled` are empty, but for a calibration
 * split of what stands in. Throws `model/not-loadable`, `model/no-working-input`.
 */
export async function openRandom(
  model: Model,
  seed = 0,
  asked?: number,
  filled: readonly SplitName[] = ['validation'],
  standIn?: StandIn,
): Promise<Dataset> {
  const feeds = await workingFeeds(model, { seed })
  const count = asked ?? (await samplesWorth(model, feeds))
  const draw = sampler(model, seed, feeds)
  const made = new Map<number, Values>()
  const source = (offset: number, length: number): Source => ({
    length,
    suggested: PLAIN,
    notes: [],
    async read(indices) {
      const samples = indices.map((index) => {
        const at = offset + index
        if (!made.has(at)) made.set(at, draw(at))
        return made.get(at)!
      })
      const names = Object.keys(samples[0] ?? {})
      return {
        inputs: Object.fromEntries(
          names.map((name) => [name, concatRows(samples.map((sample) => sample[name]!))]),
        ),
      }
    },
    preview: async (index) => ({ title: `Random sample ${index + 1}`, inputs: draw(offset + index) }),
    close: async () => undefined,
  })
  const told = standIn && { words: standInText(standIn), reads: 0 }
  const parts = Object.fromEntries(
    SPLITS.map((name, i): [string, Part] => [
      name,
      {
        source:
          name === 'calibration' && standIn
            ? standingIn(standIn, told!)
            : source(i * count, filled.includes(name) ? count : 0),
        origin: 'made',
      },
    ]),
  ) as Record<(typeof SPLITS)[number], Part>
  const plan = { kind: 'none' } as const
  const none = { of: async () => undefined }
  return assemble({
    kind: 'random',
    task: 'unlabelled',
    path: '',
    preprocessing: parts.validation.source.suggested,
    parts,
    plan,
    targets: new Map(SPLITS.map((name) => [parts[name].source, none])),
    notes: [
      'No data was given: inputs are random (seeded), and only the likeness to the original is measured.',
      ...(told ? [`Steps calibrate on ${told.words}.`] : []),
    ],
    ...(told && { standIn: told }),
    close: async () => made.clear(),
  })
}

const standInText = ({ samples, layers }: StandIn): string =>
  `${samples} inputs made to match what the model’s ${layers === 1 ? 'normalization layer' : `${layers} normalization layers`} learned (data-free calibration)`

/** Made when they are first read. */
function standingIn({ samples, make }: StandIn, told: { reads: number }): Source {
  let made: Promise<Values> | undefined
  const read = async (indices: readonly number[]): Promise<Values> => {
    made ??= make()
    told.reads++
    return Object.fromEntries(
      Object.entries(await made).map(([name, value]) => [name, pickRows(value, indices)]),
    )
  }
  return {
    length: samples,
    suggested: PLAIN,
    notes: [],
    read: async (indices) => ({ inputs: await read(indices) }),
    preview: async (index) => ({ title: `Made sample ${index + 1}`, inputs: await read([index]) }),
    close: async () => undefined,
  }
}

/** Draws sample i; a model with a fixed batch of k gets its samples from feeds of k. */
function sampler(model: Model, seed: number, feeds: Values): (index: number) => Values {
  const pinned = model.clone()
  for (const info of pinned.graph.requiredInputs)
    Object.assign(info, { dims: [...feeds[info.name]!.dims], raw: undefined })
  const signature = signatureOf(model)
  const rows = signature.batch ?? 1
  // A setting is the same for all samples; states differ.
  const settings = signature.inputs.filter(
    ({ batchAxis, state }) => batchAxis === null && state === undefined,
  )
  const shared = samplesOf(signature, feeds)
  return (index) => {
    const drawn = samplesOf(signature, randomFeeds(pinned, { seed: seed + Math.floor(index / rows) }))
    if (signature.batch === undefined) for (const { name } of settings) drawn[name] = shared[name]!
    if (rows === 1) return drawn
    return Object.fromEntries(
      Object.entries(drawn).map(([name, value]) => [
        name,
        sliceRows(value, index % rows, (index % rows) + 1),
      ]),
    )
  }
}
