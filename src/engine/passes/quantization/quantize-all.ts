/** Codes for all layers of a model, layers side by side where there are cores for it. */
import { openPool, type Pool } from '../../math/pool'
import { GRIDS, isGrid } from '../../math/quantize/grids'
import type { Model } from '../../onnx'
import type { PassContext } from '../pass'
import { quantizeLayer, type LowBit, type LowBitOptions } from './low-bit'
import { calibrationBatches, type Batches } from '../../data/feeds'
import type { Looked } from '../../layers/statistics/drift'
import { lookedAt, productsAmong, type Order } from './sequence'
import type { Layer } from '../../layers/layer'

/** Bytes of layers being worked on at once. */
const MOST_BYTES = 2 ** 30
/** Bytes a weight takes meanwhile: three arrays of float32, and codes. */
const WORK_BYTES = 16
/** With fewer weights, threads were measured to take as long to start and warm up as they save. */
const LEAST_WEIGHTS = 2 ** 22

interface QuantizeAllOptions extends LowBitOptions {
  /** At most this many calibration samples are looked at, unless there are `batches`. */
  samples: number
  batches?: Batches
  /** Of GPTQ; the other methods look at all layers of the original. */
  order: Order
}

/**
 * By `rowsKey`: tied layers are quantized once. The same numbers whatever the cores. Throws `model/non-finite` for weights that are not numbers, and
 * `cancelled` between layers.
 */
export async function quantizeAll(
  model: Model,
  layers: readonly Layer[],
  options: QuantizeAllOptions,
  context: PassContext,
): Promise<Map<string, LowBit>> {
  const found = new Map<string, LowBit>()
  const readers = byRows(layers)
  const looks = (options.method === 'gptq' || options.method === 'awq') && context.data !== undefined
  const first = deciding(layers)
  const pending = new Set(first)
  // Products on ONNX Runtime are most of GPTQ's work and have all cores: threads beside it cost time on the encoder.
  const pool = openPool(looks ? 1 : threadsFor(first, options))
  let begun = 0
  const work = async (layer: Layer, looked?: readonly Looked[]): Promise<void> => {
    pending.delete(layer)
    context.progress(0.1 + (0.7 * begun++) / first.length, `layer ${begun} of ${first.length}`)
    const scalable = readers.get(layer.rowsKey)!.length === 1 && !layer.within
    const method = options.method === 'awq' && !scalable ? 'mse' : options.method
    found.set(layer.rowsKey, await quantizeLayer(layer, { ...options, method }, looked, pool))
  }
  const blind = (): Promise<void> => sideBySide(pool, [...pending], (layer) => work(layer))
  try {
    if (looks) {
      const batches = options.batches ?? calibrationBatches(context, options.samples, options.by)
      const order = options.method === 'gptq' ? options.order : 'parallel'
      const seen = productsAmong(model, first)
      const about = { all: layers, found, order, batches }
      for (const layer of seen) pending.delete(layer)
      // What nothing is looked at for comes first, so that the others see what it leaves.
      await blind()
      const looking = (): void => context.progress(0.1, 'looking at the inputs of layers')
      for await (const looked of lookedAt(model, seen, about, looking))
        await sideBySide(pool, [...looked], ([layer, sums]) => work(layer, sums))
    } else await blind()
  } finally {
    await pool.close()
  }
  return found
}

/** Layers that read the same rows, by `rowsKey`. */
export function byRows(layers: readonly Layer[]): Map<string, Layer[]> {
  const readers = new Map<string, Layer[]>()
  for (const layer of layers) readers.set(layer.rowsKey, [...(readers.get(layer.rowsKey) ?? []), layer])
  return readers
}

/** One layer of each `rowsKey`: inputs of a tied weight differ; the layer that multiplies by it decides. */
const deciding = (layers: readonly Layer[]): Layer[] =>
  [...byRows(layers).values()].map(
    (tied) => tied.find(({ node, within }) => !node.is('Gather') && !within) ?? tied[0]!,
  )

/** As many as there are layers and memory for. */
function threadsFor(layers: readonly Layer[], { method }: LowBitOptions): number {
  const sizes = layers.map(({ tensor }) => tensor.size)
  const work = sizes.reduce((sum, size) => sum + size, 0) * ((isGrid(method) && GRIDS[method].work) || 1)
  if (work < LEAST_WEIGHTS) return 1
  return Math.min(layers.length, Math.max(1, Math.floor(MOST_BYTES / (Math.max(...sizes) * WORK_BYTES))))
}

/** Begun in order, as many at once as the pool does. */
async function sideBySide<T>(
  { size }: Pool,
  items: readonly T[],
  each: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  const runner = async (): Promise<void> => {
    for (const item of queue) await each(item)
  }
  await Promise.all(Array.from({ length: size }, runner))
}
