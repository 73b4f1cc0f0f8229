/**
 * Which layers stay float so that a limit holds: each layer's cost is measured by giving it back its floats in
 * the quantized model, then the costliest are given back, as few as do. Source: arXiv:2004.09602, section 4.3.
 */
import { noiseShare } from '../../math/quantize/sqnr'
import type { Model } from '../../onnx'
import { shareText, type Divergence } from '../../evaluate/comparison/divergence'

export interface KeepFloatProblem {
  /** Layers that could stay float. */
  layers: readonly string[]
  /** The quantized model with these layers left in float. */
  build(floats: ReadonlySet<string>): Model
  /** Divergence from the float model, on enough samples to hold a limit against. */
  evaluate(model: Model): Promise<Divergence>
  /** Divergence of several models on the same, fewer samples: enough to put them in order. */
  compare(models: readonly Model[]): Promise<Divergence[]>
  /**
   * Noise over signal that each layer alone is known to add to the outputs, as far as it was measured before. Where
   * that is what quantizing costs, the harmless layers need not be measured again in the quantized model.
   */
  known?(): Promise<ReadonlyMap<string, number>>
  /** Points that may be lost. */
  limit: number
  /** What the layers get, where that is something else than floats: "at 8 bits". */
  instead?: string
  progress(done: number, doing: string): void
}

export interface KeptFloat {
  model: Model
  floats: string[]
  /** Measured where a limit was set. */
  before?: Divergence
  after?: Divergence
  /** Points that are back, for each layer that was measured, when it alone stays float. */
  gains: Map<string, number>
}

const TOGETHER = 4

/**
 * Share of the noise known beforehand whose layers are measured in the quantized model. On a BERT of 27 layers (4, 3
 * bits; limits from a quarter to three quarters of the loss) 17 to 20 of them are measured, and no limit took more
 * floats than with all measured; with a share of 0.9 two did.
 */
const SUSPECT = 0.97

/** Layers of which nothing is known, and the noisiest; then the others, the noisiest first. */
export function suspects(
  layers: readonly string[],
  known: ReadonlyMap<string, number> = new Map(),
): { measured: string[]; rest: string[] } {
  // More noise than signal says no more than as much: without an end, one broken layer would hide all others.
  const noiseOf = (layer: string): number => Math.min(1, known.get(layer) ?? 0)
  const ordered = layers.filter((layer) => known.has(layer)).sort((a, b) => noiseOf(b) - noiseOf(a))
  const total = ordered.reduce((sum, layer) => sum + noiseOf(layer), 0)
  let seen = 0
  const noisy = new Set(
    ordered.filter((layer) => {
      const before = seen
      seen += noiseOf(layer)
      return before < SUSPECT * total
    }),
  )
  return {
    measured: layers.filter((layer) => !known.has(layer) || noisy.has(layer)),
    rest: ordered.filter((layer) => !noisy.has(layer)),
  }
}

/** Gives the model as it is where it already holds the limit. */
export async function keepFloat(full: Model, problem: KeepFloatProblem): Promise<KeptFloat> {
  const { layers, limit } = problem
  const gone: KeptFloat = { model: full, floats: [], gains: new Map() }
  // No model loses more than all answers.
  if (limit >= 100) return gone
  const before = await problem.evaluate(full)
  const asItIs = { ...gone, before, after: before }
  if (before.points <= limit || layers.length === 0) return asItIs
  const { measured, rest } = suspects(layers, await problem.known?.())
  const { noise, gains } = await costs(full, problem, measured)
  const order = [...measured.sort((a, b) => noise.get(a)! - noise.get(b)!), ...rest]

  let [low, high] = [0, order.length]
  let best: { model: Model; after: Divergence; count: number } | undefined
  // The least count that holds, by bisection and each verified: more floats never cost quality beyond noise.
  while (low < high) {
    const count = (low + high) >> 1
    problem.progress(0.8, `trying with ${count} of ${layers.length} layers ${problem.instead ?? 'in float'}`)
    const model = problem.build(new Set(order.slice(0, count)))
    const after = await problem.evaluate(model)
    if (after.points <= limit) {
      best = { model, after, count }
      high = count
    } else low = count + 1
  }
  if (!best || best.count !== low) {
    const model = problem.build(new Set(order.slice(0, low)))
    const after = await problem.evaluate(model)
    best = { model, after, count: low }
  }
  return { ...asItIs, model: best.model, after: best.after, floats: order.slice(0, best.count), gains }
}

/** Noise that is left, and points that are back, when a layer alone stays float. */
async function costs(
  full: Model,
  problem: KeepFloatProblem,
  layers: readonly string[],
): Promise<{ noise: Map<string, number>; gains: Map<string, number> }> {
  const noise = new Map<string, number>()
  const gains = new Map<string, number>()
  for (let at = 0; at < layers.length; at += TOGETHER) {
    const chunk = layers.slice(at, at + TOGETHER)
    problem.progress((0.8 * at) / layers.length, `measuring the cost of layer ${at + 1} of ${layers.length}`)
    const [all, ...without] = await problem.compare([
      full,
      ...chunk.map((layer) => problem.build(new Set([layer]))),
    ])
    for (const [i, layer] of chunk.entries()) {
      noise.set(layer, noiseShare(without[i]!.sqnr))
      gains.set(layer, all!.points - without[i]!.points)
    }
  }
  return { noise, gains }
}

/** What a layer alone costs. */
export const gainText = ({ gains, before }: Pick<KeptFloat, 'gains' | 'before'>, layer: string): string => {
  const gain = gains.get(layer)
  return gain === undefined || !before ? 'too much' : shareText(gain.toFixed(2), before.of)
}

/** "3 of 53 layers stay float: they cost 4.1 of the 4.6 answers in 100 that change". */
export function keepFloatSentence(
  { floats, before, after }: KeptFloat,
  layers: number,
  limit: number,
): string {
  const points = (value: number): string => value.toFixed(value < 0.095 ? 2 : 1)
  if (floats.length === 0 || !before || !after) return ''
  const what =
    before.of === 'answers' ? ' answers in 100 that change' : '% of the outputs’ variance that are error'
  const cost = `they cost ${points(before.points - after.points)} of the ${points(before.points)}${what}`
  const held =
    after.points <= limit
      ? ''
      : `; even so it is ${points(after.points)}, above the limit of ${points(limit)}`
  return `${floats.length} of ${layers} layers stay float: ${cost}${held}`
}
