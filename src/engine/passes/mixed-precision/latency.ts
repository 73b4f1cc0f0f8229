/**
 * The arithmetic of each layer under a budget of time: float, half or integers, by what each costs on the target
 * and what each loses.
 */
import { PareError } from '../../../contract/errors'
import type { Sensitivity } from '../../../contract/sensitivity'
import { exampleFeeds } from '../../data/feeds'
import { modelledSeconds, nodeCosts } from '../../evaluate/target-latency'
import { noiseShare } from '../../math/quantize/sqnr'
import { chooseUnderBudget, type Choice } from '../../math/knapsack'
import type { Model } from '../../onnx'
import { traceShapes, type TracedValue } from '../../runtime'
import { HOST_CPU, type ArithmeticType, type Device } from '../../targets/device'
import { float16 } from '../float16'
import type { PassContext } from '../pass'
import { quantizeStatic } from '../quantize-static'
import type { Applied } from './apply'
import { weightedLayers } from '../../layers/find'

const ID = 'mixed-precision'

interface TypeChoice extends Choice {
  type: ArithmeticType
}

interface LatencyPlan {
  device: Device
  layers: { layer: string; choices: TypeChoice[] }[]
  /** Seconds of the model as it is, and of everything that is no layer with a choice. */
  before: number
  fixed: number
  traced: ReadonlyMap<string, TracedValue>
}

/** Losses are measured at 8 bits for integers; half precision is a fiftieth of that, by its longer mantissa. */
const HALF_LOSS = 1 / 50

export async function planLatency(
  model: Model,
  entries: readonly Sensitivity[],
  context: PassContext,
): Promise<LatencyPlan> {
  const device = context.target.device ?? HOST_CPU
  const feeds = await exampleFeeds(context)
  const traced = await traceShapes(model, { feeds })
  const costs = nodeCosts(model, traced, device)
  const before = costs.reduce((sum, { type, seconds }) => sum + seconds(type), 0)
  const layers = weightedLayers(model.graph, ['Conv', 'ConvTranspose', 'Gemm', 'MatMul']).flatMap(
    ({ name, node }) => {
      const cost = costs.find((one) => one.node === node)
      const entry = entries.find((one) => one.layer === name && one.strength === 8)
      if (!cost || !entry) return []
      const loss = noiseShare(entry.sqnr)
      const choices: TypeChoice[] = [{ type: 'float32', cost: cost.seconds('float32'), loss: 0 }]
      if (device.speed.float16 > 1)
        choices.push({ type: 'float16', cost: cost.seconds('float16'), loss: HALF_LOSS * loss })
      if (device.speed.int8 > 1) choices.push({ type: 'int8', cost: cost.seconds('int8'), loss })
      return [{ layer: name, choices }]
    },
  )
  const own = layers.reduce((sum, { choices }) => sum + choices[0]!.cost, 0)
  return { device, layers, before, fixed: before - own, traced }
}

export type TypesOf = ReadonlyMap<string, ArithmeticType>

/** The arithmetic of each layer at a share of the time; undefined where even the fastest takes more. */
export function chosenTypes({ layers, before, fixed }: LatencyPlan, share: number): TypesOf | undefined {
  const chosen = chooseUnderBudget(
    layers.map(({ choices }) => choices),
    before * share - fixed,
  )
  return chosen && new Map(layers.map(({ layer, choices }, i) => [layer, choices[chosen[i]!]!.type]))
}

/** The least share of the time that any choice reaches. */
function leastShare({ layers, before, fixed }: LatencyPlan): number {
  const least = layers.reduce((sum, { choices }) => sum + Math.min(...choices.map(({ cost }) => cost)), fixed)
  return least / before
}

/** Integers by static quantization of the layers that get them; half precision of everything but the others. */
export async function applyTypes(model: Model, typesOf: TypesOf, context: PassContext): Promise<Applied> {
  const of = (type: ArithmeticType): string[] =>
    [...typesOf].filter(([, own]) => own === type).map(([layer]) => layer)
  const result: Applied = { model, layers: [], skipped: [] }
  const add = (part: Partial<Applied> & { model: Model }): void => {
    result.model = part.model
    result.layers.push(...(part.layers ?? []))
    result.skipped.push(...(part.skipped ?? []))
  }
  if (of('int8').length > 0) {
    const exclude = [...of('float32'), ...of('float16')]
    add(await quantizeStatic.run(result.model, { exclude, maxLoss: 100 }, context))
  } else if (of('float16').length > 0)
    add(await float16.run(result.model, { compute: 'float16', exclude: of('float32') }, context))
  return result
}

/** The estimate for what came out, over the original's. */
export async function modelledShare(model: Model, { device, before }: LatencyPlan): Promise<number> {
  return modelledSeconds(model, await traceShapes(model), device) / before
}

export const tooFast = (plan: LatencyPlan, asked: number): PareError =>
  new PareError('model/nothing-to-do', {
    by: ID,
    reason: `${asked} of the time is less than its fastest arithmetic takes on the target by estimate, ${leastShare(plan).toFixed(2)}`,
  })
