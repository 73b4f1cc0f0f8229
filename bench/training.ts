/**
 * A training step (forward, backward, AdamW) of five networks at batch 64: milliseconds, to be set beside another
 * framework on the same machine, and as a multiple of the forward pass of the same run.
 */
import { openSession } from '../src/engine/runtime'
import { int64 } from '../src/engine/runtime'
import { createOptimizer } from '../src/engine/training/optimizer'
import { StepRunner } from '../src/engine/training/step'
import { Parameters, trainableWeights } from '../src/engine/training/trainable'
import { median, seconds, type Entry, type Figure } from './support/figure'
import { trainingNets, type Net } from './support/training-nets'

const BATCH = 64
const ROUNDS = 15

/** Rounds before those that count: loops of small networks are compiled by then, as in all but a moment of training. */
const WARM_UP = 40

async function times(work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = []
  for (let round = 0; round < WARM_UP + ROUNDS; round++) all.push(await seconds(work))
  return all.slice(WARM_UP)
}

async function timeOf(net: Net): Promise<Figure[]> {
  const { model, input, classes, name } = net
  const output = model.graph.outputs[0]!.name
  const labels = int64(
    [BATCH],
    Array.from({ length: BATCH }, (_, i) => i % classes),
  )
  const batch = { indices: Array.from({ length: BATCH }, (_, i) => i), inputs: { x: input }, labels }
  const parameters = Parameters.of(model, trainableWeights(model.graph))
  const gradients = new Float32Array(parameters.values.length)
  const optimizer = createOptimizer('adamw', gradients.length, { momentum: 0.9, weightDecay: 0 })
  const spans = [{ from: 0, to: gradients.length, decays: false }]
  const runner = new StepRunner({
    model,
    spec: { kind: 'cross-entropy', value: output, classAxis: 1, hard: true, soft: false },
    trainable: parameters.names,
    micro: BATCH,
  })
  // One after the other: the threads of a session that waits spin, and take the cores of one that works.
  const forward = await openSession(model)
  const passes = await times(() => forward.run({ x: input }))
  await forward.release()
  let loss = 0
  const steps = await times(async () => {
    loss = await runner.gradients({ batch }, 1 / BATCH, parameters, gradients, { alpha: 0, temperature: 1 })
    optimizer.step(parameters.values, gradients, 1e-4, spans)
  })
  await runner.release()
  if (!Number.isFinite(loss)) throw new Error(`${name}: the loss is ${loss}`)
  return [
    { what: `${name}: a step of ${BATCH} samples`, value: 1000 * median(steps), unit: 'ms' },
    { what: `${name}: a step ÷ a forward pass`, value: median(steps) / median(passes), unit: '×' },
  ]
}

export const entry: Entry = {
  about: 'training steps with AdamW at batch 64, median of 15',
  async run() {
    const figures: Figure[] = []
    for (const net of trainingNets(BATCH)) figures.push(...(await timeOf(net)))
    return figures
  },
}
