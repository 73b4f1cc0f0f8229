/**
 * Whatever passes want to know of the values within a model, in one pass over the data: nothing but sums is kept, and
 * memory does not grow with samples.
 */
import { Histogram } from '../../math/quantize/histogram'
import type { Model } from '../../onnx'
import { floatsOf, shapesAt, streamActivations, type Value, type Values } from '../../runtime'
import type { Layer } from '../layer'
import { gramKey, GramSums, type Gram } from './grams'
import { MomentSums, type Moments } from './moments'
import { RegressionSums, type RegressionTask } from './regression'

interface Wanted {
  /** Values a histogram is made of, where they are floats. */
  histograms?: Iterable<string>
  /** Of them the least and the largest value are enough. */
  extremesOnly?: boolean
  /** Values and the axes their channels lie along; negative ones count from the end. */
  moments?: Iterable<readonly [value: string, axis: number]>
  /** Layers whose inputs' products are summed; see `productLayer`, and `planGrams` where they are many. */
  grams?: readonly Layer[]
  /** Layers to be fitted to what another model makes. */
  regressions?: readonly RegressionTask[]
  /** Values that the caller looks at himself. */
  visits?: Iterable<readonly [value: string, visit: Visit]>
}

type Visit = (value: Value, batch: number) => void | Promise<void>

interface CollectOptions {
  /** Shapes of the layers' outputs at any batch, where they are known; the first batch tells them otherwise. */
  shapes?: ReadonlyMap<string, { dims: readonly number[] }>
  /** Called after each batch; may throw to stop. */
  progress?(batch: number): void
}

export interface Statistics {
  readonly histograms: ReadonlyMap<string, Histogram>
  moments(value: string, axis: number): Moments | undefined
  gram(layer: Layer): Gram | undefined
  regression(layer: Layer): Pick<RegressionSums, 'fit' | 'aside'> | undefined
}

type Batches = () => AsyncIterable<Values> | Iterable<Values>

/** Bytes of values held at once. */
const VALUE_BYTES = 2 ** 27

/** Throws what sessions and `batches` throw. */
export async function collect(
  model: Model,
  wanted: Wanted,
  batches: Batches,
  { shapes, progress }: CollectOptions = {},
): Promise<Statistics> {
  const histograms = new Map<string, Histogram>()
  const moments = new Map<string, MomentSums>()
  const grams = new Map<string, GramSums>()
  const regressions = new Map<Layer, RegressionSums>()
  const visitors = new Map<string, Visit[]>()
  const visit = (name: string, visitor: Visit): void => {
    visitors.set(name, [...(visitors.get(name) ?? []), visitor])
  }
  for (const [name, visitor] of wanted.visits ?? []) visit(name, visitor)
  for (const name of new Set(wanted.histograms))
    visit(name, (value) => {
      if (!value.dtype.startsWith('float')) return
      let histogram = histograms.get(name)
      if (!histogram) histograms.set(name, (histogram = new Histogram(wanted.extremesOnly)))
      histogram.add(floatsOf(value))
    })
  for (const [name, axis] of wanted.moments ?? []) {
    const key = momentKey(name, axis)
    if (moments.has(key)) continue
    const sums = new MomentSums(axis)
    moments.set(key, sums)
    visit(name, (value) => sums.add(value))
  }
  const layers = wanted.grams ?? []
  const outputs = shapes ?? (await outputShapes(model, layers, batches))
  for (const layer of layers) {
    if (grams.has(gramKey(layer))) continue
    const sums = new GramSums(layer, outputs.get(layer.name)?.dims ?? [])
    grams.set(gramKey(layer), sums)
    visit(layer.input, (value) => sums.add(value))
  }
  for (const task of wanted.regressions ?? []) {
    const sums = new RegressionSums(task)
    regressions.set(task.layer, sums)
    visit(task.layer.input, (value, batch) => sums.add(value, batch))
  }
  const looked: Batches = async function* () {
    for await (const feeds of batches()) {
      for (const sums of regressions.values()) await sums.look(feeds)
      yield feeds
    }
  }
  try {
    await streamActivations(
      model,
      [...visitors.keys()],
      regressions.size > 0 ? looked : batches,
      async (name, value, batch) => {
        for (const visitor of visitors.get(name)!) await visitor(value, batch)
      },
      // A value that is alone is held whatever it takes.
      { maxBytes: visitors.size === 1 ? Infinity : VALUE_BYTES, progress: ({ batch }) => progress?.(batch) },
    )
  } finally {
    for (const sums of [...grams.values(), ...regressions.values()]) await sums.release()
  }
  return {
    histograms,
    moments: (value, axis) => moments.get(momentKey(value, axis))?.moments(),
    gram: (layer) => grams.get(gramKey(layer))?.gram(),
    regression: (layer) => regressions.get(layer),
  }
}

const momentKey = (value: string, axis: number): string => `${axis} ${value}`

/** Of convolutions, which need them to unfold their inputs. */
export async function outputShapes(
  model: Model,
  layers: readonly Layer[],
  batches: Batches,
): Promise<Map<string, { dims: readonly number[] }>> {
  const names = layers.filter(({ kind }) => kind === 'conv').map(({ name }) => name)
  if (names.length > 0) for await (const feeds of batches()) return shapesAt(model, names, feeds)
  return new Map()
}
