/**
 * Outputs that the task does not read: each is held against the original's on the same samples, so that a model of several
 * outputs loses none of them unseen.
 */
import { likenessLost } from '../../contract/points'
import { seeded } from '../math/random'
import { bootstrap, type Blocks } from '../math/statistics'
import type { Signature, Values } from '../runtime'
import { FidelityMeter, type OutputChoice } from '../tasks'
import { isFloatValue, perSample } from '../tasks/metric'

export interface Beside {
  output: string
  /** 1 is the same: see `FidelityMeter.value`. */
  likeness: number
  samples: number
  reweighted(weights: Float64Array): number
}

/** Numbers a sample that are neither judged, nor states that a next step is fed, nor of no use to anybody. */
export function besideOutputs(
  outputs: Values,
  rows: number,
  { outputs: ports }: Signature,
  { names }: OutputChoice,
  unused: readonly string[] = [],
): string[] {
  const states = new Set(ports.filter(({ state }) => state !== undefined).map(({ name }) => name))
  return perSample(outputs, rows)
    .filter(([name, value]) => isFloatValue(value) && !names.includes(name))
    .map(([name]) => name)
    .filter((name) => !states.has(name) && !unused.includes(name))
}

export class BesideMeter {
  private readonly meters: Map<string, FidelityMeter>

  constructor(names: readonly string[]) {
    this.meters = new Map(names.map((name) => [name, new FidelityMeter([name], 0)]))
  }

  add(outputs: Values, reference: Values, rows: number): void {
    for (const meter of this.meters.values()) meter.add(outputs, reference, rows)
  }

  get nonFinite(): number {
    return Math.max(0, ...[...this.meters.values()].map((meter) => meter.nonFinite))
  }

  result(): Beside[] {
    return [...this.meters].map(([output, meter]) => ({
      output,
      likeness: meter.value(),
      samples: meter.fidelity().samples,
      reweighted: (weights) => meter.reweighted(weights),
    }))
  }
}

/** Points of likeness lost with their 95% interval: percentile bootstrap over samples, or over whole clips. */
export function besideLoss(
  { likeness, samples, reweighted }: Beside,
  resamples: number,
  blocks: Blocks | undefined,
): { points: number; low: number; high: number } {
  const lost = (weights: Float64Array): number => likenessLost(reweighted(weights))
  const points = likenessLost(likeness)
  if (samples === 0) return { points, low: points, high: points }
  const [low, high] = bootstrap(samples, lost, seeded(17), resamples, blocks)
  return { points, low, high }
}
