/**
 * Scores of channels by what the layers that read them lose, those being fitted again without them: a channel
 * that others can stand in for goes first, however strong it is.
 */
import { eliminationOrder, type ObsLayer } from '../../math/pruning/obs'
import type { Model } from '../../onnx'
import { matrix, type F64Matrix } from '../../math/matrix'
import { matmul } from '../../runtime/linalg'
import type { SampleSource } from '../../data/feeds'
import type { Layer } from '../../layers/layer'
import { productLayer } from '../../layers/product'
import { collect } from '../../layers/statistics/collect'
import { centred, type Gram } from '../../layers/statistics/grams'
import { sampling } from '../../layers/statistics/plan'
import type { ShapeSource } from './collect'
import type { DependencyGraph } from './graph'
import type { Group } from './group'

interface ObsOptions {
  batches: SampleSource
  samples: number
  progress(done: number, doing: string): void
}

/** Layers with more inputs than this are not inverted; their groups are scored otherwise. */
const MOST_INPUTS = 3072
/** Neither are groups whose readers' covariances and their inverses take more than this together. */
const MOST_BYTES = 2 ** 30
/** Smaller layers take as long as one of so many inputs. */
const LEAST_INPUTS = 64
/** Rows a layer wants for each of its inputs. */
const ROWS_PER_INPUT = 24
/** Up to so many units go one after the other, more of them by this share at once. */
const ONE_BY_ONE = 128

interface Reader {
  layer: Layer
  /** Number of the joined axis that its input's channels stand on. */
  axis: number
  /** Rows of its weight a channel takes: positions of a kernel. */
  taps: number
}

/**
 * Scores of all units of the groups whose readers are all plain products, by unit: the rise of the squared error
 * as each goes in its turn, never falling, and twice the highest for the one that would go last.
 */
export async function obsScores(
  model: Model,
  dependencies: DependencyGraph,
  source: ShapeSource,
  options: ObsOptions,
): Promise<Map<number, number>> {
  const scores = new Map<number, number>()
  const readers = dependencies.groups.map((group) => readersOf(model, dependencies, source, group))
  const work = readers.map(workOf)
  const whole = sumOf(work)
  for (const [i, group] of dependencies.groups.entries()) {
    const layers: ObsLayer[] = []
    const before = sumOf(work.slice(0, i))
    const progress = (done: number): void =>
      options.progress(
        (before + done * work[i]!) / whole,
        `weighing channels, group ${i + 1} of ${readers.length}`,
      )
    for (const { layer, axis, taps } of readers[i] ?? []) {
      progress(0)
      const found = await gramOf(model, layer, source, options)
      if (found.rows === 0) return scores
      const { inputs, outputs } = layer.product
      const sums = centred(found, 0)
      layers.push({
        // For each row, so that readers count alike however many rows they have.
        covariance: { ...sums, data: sums.data.map((sum) => sum / found.rows) },
        weights: matrix(inputs, outputs, Float64Array.from(layer.columns())),
        inputs: group.units.map((unit) =>
          (unit.axes.get(axis) ?? []).flatMap((index) =>
            Array.from({ length: taps }, (_, tap) => index * taps + tap),
          ),
        ),
      })
    }
    if (layers.length === 0) continue
    const order = await eliminationOrder(matmul, layers, {
      atOnce: group.units.length > ONE_BY_ONE ? 1 / ONE_BY_ONE : 0,
      progress,
    })
    let power = 0
    for (const { covariance, weights } of layers) power += await powerOf(covariance, weights)
    let highest = 0
    for (const { unit, error } of order) {
      highest = Math.max(highest, error / (power || 1))
      scores.set(group.units[unit]!.id, highest)
    }
    for (const { id } of group.units) if (!scores.has(id)) scores.set(id, 2 * highest)
  }
  return scores
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** Inverting a covariance and going on without one input after another; beside it a run of the model is as little as a small layer. */
const workOf = (readers: readonly Reader[] | undefined): number =>
  sumOf((readers ?? []).map(({ layer }) => Math.max(LEAST_INPUTS, layer.product.inputs) ** 3))

/** What reads the channels of a group; undefined where not all of it are plain products of a bearable size. */
function readersOf(
  model: Model,
  dependencies: DependencyGraph,
  { shapes }: ShapeSource,
  group: Group,
): Reader[] | undefined {
  const readers = new Map<string, Reader>()
  for (const { node, value, axis } of dependencies.sinks) {
    const key = dependencies.axisKey(value, axis)
    if (key === undefined || !group.places.has(key)) continue
    const layer = productLayer(model.graph, model.graph.nodes[node]!)
    const channels = shapes.get(value)?.dims[axis]
    if (layer?.input !== value || layer.groups > 1 || layer.product.inputs > MOST_INPUTS || !channels)
      return undefined
    readers.set(layer.name, { layer, axis: key, taps: layer.product.inputs / channels })
  }
  const bytes = [...readers.values()].reduce((sum, { layer }) => sum + 2 * 8 * layer.product.inputs ** 2, 0)
  return bytes > MOST_BYTES ? undefined : [...readers.values()]
}

async function gramOf(
  model: Model,
  layer: Layer,
  { shapes }: ShapeSource,
  { batches, samples }: ObsOptions,
): Promise<Gram> {
  const { dims } = shapes.get(layer.name)!
  const { size, limit } = sampling(layer, dims, { rowsPerInput: ROWS_PER_INPUT, batches: 8, most: samples })
  return (await collect(model, { grams: [layer] }, () => batches(size, limit), { shapes })).gram(layer)!
}

/** Variance of a layer's outputs: tr(Wᵀ·C·W). */
async function powerOf(covariance: F64Matrix, weights: F64Matrix): Promise<number> {
  const { data } = await matmul(covariance, weights)
  return data.reduce((sum, value, i) => sum + value * weights.data[i]!, 0)
}
