/** From a model to C99. */
import type { Model } from '../../onnx'
import type { Values } from '../../runtime'
import { forCmsis } from './cmsis'
import { emit, type Emitted } from './emit'
import { fitted } from './fit'
import { OPERATORS } from './operators'
import type { Plan } from './plan'
import type { Program } from './program'
import { staticGraph } from './static-graph'

export interface Generated extends Emitted {
  program: Program
  plan: Plan
  macs: number
}

/**
 * C for one sample a run; `feeds` set the sizes that the model leaves free; where `ram` bytes are
 * too few for it as it is, its first layers run in patches; with `cmsis` it calls CMSIS-NN where that fits. Throws Unsupported with a sentence where it
 * has what C cannot be written for, `model/*` and `limit/memory`.
 */
export async function generate(
  model: Model,
  prefix: string,
  feeds?: Values,
  ram?: number,
  { cmsis = false } = {},
): Promise<Generated> {
  const graph = await staticGraph(model, feeds)
  const { program, plan: planned } = fitted(cmsis ? forCmsis(graph) : graph, OPERATORS, ram)
  const macs = program.steps.reduce((sum, step) => sum + (step.macs ?? 0), 0)
  return { ...emit(program, planned, prefix), program, plan: planned, macs }
}
