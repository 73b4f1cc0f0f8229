/**
 * How many zeros each layer bears, measured: every layer is pruned alone at several levels, the damage to the
 * model's outputs noted, and the next zeros go where they cost least.
 */
import { noiseShare } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { divergences } from '../../evaluate/comparison/divergence'
import type { Batches } from '../../data/feeds'
import type { Layer } from '../../layers/layer'
import { pruneLayers, type Pattern } from './weights'

const LEVELS = [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98]
/** Where models take long to load or to run, these have to do. */
const FEW_LEVELS: readonly number[] = [0.5, 0.8, 0.95]
/** Seconds that measuring all layers may take by what the first one took. */
const MOST_SECONDS = 40

/** The model with the smallest weights of some layers gone, by share. */
export async function withoutSmallest(
  model: Model,
  layers: readonly Layer[],
  sparsity: ReadonlyMap<string, number>,
  pattern: Pattern,
): Promise<Model> {
  const pruned = model.clone()
  await pruneLayers(pruned, layers, {
    method: 'magnitude',
    pattern,
    sparsity,
    steps: 1,
    samples: 0,
    shapes: new Map(),
    progress: () => undefined,
  })
  return pruned
}

/** Error energy of the outputs, relative to their energy, with one layer pruned by magnitude. */
async function damages(
  model: Model,
  layer: Layer,
  pattern: Pattern,
  batches: Batches,
  levels: readonly number[],
): Promise<number[]> {
  const candidates: Model[] = []
  for (const level of levels)
    candidates.push(await withoutSmallest(model, [layer], new Map([[layer.name, level]]), pattern))
  const measured = await divergences(model, candidates, batches, { classes: false })
  const found = measured.map(({ sqnr, finite }) => (finite ? noiseShare(sqnr) : Infinity))
  // What was not measured is not gone to.
  return LEVELS.map((level) => (level === 0 ? 0 : (found[levels.indexOf(level)] ?? Infinity)))
}

/** For each layer what it costs at each level, in order. */
export async function measureDamages(
  model: Model,
  layers: readonly Layer[],
  pattern: Pattern,
  batches: Batches,
  progress: (done: number) => void,
): Promise<number[][]> {
  const costs: number[][] = []
  const started = performance.now()
  let levels: readonly number[] = LEVELS.slice(1)
  for (const [index, layer] of layers.entries()) {
    progress(index / layers.length)
    costs.push(await damages(model, layer, pattern, batches, levels))
    const seconds = (performance.now() - started) / 1000
    if ((seconds / (index + 1)) * layers.length > MOST_SECONDS) levels = FEW_LEVELS
  }
  return costs
}

/** Shares by layer whose zeros add up to `share` of all weights, or the most the levels allow. */
export const allocate = (
  layers: readonly Layer[],
  costs: readonly (readonly number[])[],
  share: number,
): Map<string, number> =>
  spend(
    layers.map(({ name, tensor }) => ({ output: name, size: tensor.size })),
    costs,
    share,
  )

/** Raises one layer at a time by the step with the least damage per zero. */
export function spend(
  layers: readonly { output: string; size: number }[],
  costs: readonly (readonly number[])[],
  share: number,
): Map<string, number> {
  const level = layers.map(() => 0)
  let left = share * layers.reduce((n, { size }) => n + size, 0)
  const shares = new Map(layers.map(({ output }) => [output, 0]))
  while (left > 0) {
    const best = cheapestStep(layers, costs, level)
    if (!best) break
    const { index, to } = best
    const { output, size } = layers[index]!
    const gained = (LEVELS[to]! - LEVELS[level[index]!]!) * size
    shares.set(output, gained <= left ? LEVELS[to]! : LEVELS[level[index]!]! + left / size)
    level[index] = to
    left -= gained
  }
  return shares
}

function cheapestStep(
  layers: readonly { size: number }[],
  costs: readonly (readonly number[])[],
  level: readonly number[],
): { index: number; to: number } | undefined {
  let best: { index: number; to: number; price: number } | undefined
  for (const [index, { size }] of layers.entries())
    // Several levels at once: damage does not always grow evenly.
    for (let to = level[index]! + 1; to < LEVELS.length; to++) {
      const zeros = (LEVELS[to]! - LEVELS[level[index]!]!) * size
      const price = Math.max(0, costs[index]![to]! - costs[index]![level[index]!]!) / zeros
      if (Number.isFinite(price) && (!best || price < best.price)) best = { index, to, price }
    }
  return best
}
