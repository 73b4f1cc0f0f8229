/** Random inputs within what a model declares, for when there is no data: they show likeness, never quality. */
import { SPLITS } from '../../contract/dataset'
import type { Model } from '../onnx'
import { randomFeeds } from '../runtime/feeds'
import { traceShapes } from '../runtime/trace'
import { concatRows, sliceRows, type Values } from '../runtime/value'
import { assemble } from './assembled'
import type { Dataset } from './dataset'
import type { Source } from './source'
import type { Part } from './splits'

const RANDOM_SAMPLES = 256

/**
 * A dataset of kind 'random' and task 'unlabelled': seeded samples in every dynamic length that was found to run,
 * the same ones on every machine. Throws what `traceShapes` throws.
 */
export async function openRandom(model: Model, seed = 0, count = RANDOM_SAMPLES): Promise<Dataset> {
  const draw = await sampler(model, seed)
  const made = new Map<number, Values>()
  const source = (offset: number): Source => ({
    length: count,
    suggested: { kind: 'array', scale: 1, mean: [0], std: [1], columns: {} },
    notes: [],
    async read(indices) {
      const samples = indices.map((index) => {
        const at = offset + index
        if (!made.has(at)) made.set(at, draw(at))
        return made.get(at)!
      })
      return { inputs: joined(samples) }
    },
    preview: async (index) => ({ title: `Random sample ${index + 1}`, inputs: draw(offset + index) }),
    close: async () => undefined,
  })
  const parts = Object.fromEntries(
    SPLITS.map((name, i): [string, Part] => [name, { source: source(i * count), origin: 'made' }]),
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
    ],
    close: async () => made.clear(),
  })
}

/** Draws sample i; a model with a fixed batch of k gets its samples from feeds of k rows. */
async function sampler(model: Model, seed: number): Promise<(index: number) => Values> {
  const traced = await traceShapes(model, { seed })
  const pinned = model.clone()
  let rows = 1
  for (const info of pinned.graph.requiredInputs) {
    const found = traced.get(info.name)
    if (!found) continue
    Object.assign(info, { dims: [...found.dims], raw: undefined })
    if (found.batchAxis === null) rows = Math.max(rows, found.dims[0] ?? 1)
  }
  return (index) => {
    const feeds = randomFeeds(pinned, { seed: seed + Math.floor(index / rows) })
    if (rows === 1) return feeds
    return Object.fromEntries(
      Object.entries(feeds).map(([name, value]) => [
        name,
        value.dims[0] === rows ? sliceRows(value, index % rows, (index % rows) + 1) : value,
      ]),
    )
  }
}

/** Samples stacked along the first axis; inputs without one are the same for all. */
function joined(samples: readonly Values[]): Values {
  const [first] = samples
  return Object.fromEntries(
    Object.entries(first ?? {}).map(([name, value]) => [
      name,
      value.dims.length === 0 ? value : concatRows(samples.map((sample) => sample[name]!)),
    ]),
  )
}
