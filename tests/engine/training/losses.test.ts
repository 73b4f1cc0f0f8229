import { expect, test } from 'vitest'
import { float32, withSession } from '../../../src/engine/runtime'
import type { LossSpec } from '../../../src/engine/training/losses'
import { StepRunner } from '../../../src/engine/training/step'
import { Parameters } from '../../../src/engine/training/trainable'
import { CLASSES, perceptron, WIDTH } from './support'

const spec: LossSpec = { kind: 'cross-entropy', value: 'logits', classAxis: 1, hard: false, soft: true }
const x = float32([3, WIDTH], Float32Array.of(1, -1, 0.5, 2, 0, 1, -2, 0.3, 0.7, 0.1, -0.4, 1.2))
const told = Float32Array.of(4, -2, 1, 0, 3, -1, 0.5, 0.2, -3)

/** Loss and gradients of one batch of three, taught. */
async function taught(
  of: Partial<LossSpec>,
  temperature = 1,
): Promise<{ loss: number; gradients: number[] }> {
  const model = perceptron()
  const parameters = Parameters.of(model, ['w2', 'b2'])
  const into = new Float32Array(parameters.values.length)
  const runner = new StepRunner({ model, spec: { ...spec, ...of }, trainable: parameters.names, micro: 3 })
  const example = {
    batch: { indices: [0, 1, 2], inputs: { x } },
    teacher: [float32([3, CLASSES], told)],
  }
  const loss = await runner.gradients(example, 1 / 3, parameters, into, { alpha: 1, temperature })
  await runner.release()
  return { loss, gradients: [...into] }
}

const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs))

test('compared by logits, the loss is half the mean square of their differences', async () => {
  const answer = await withSession(perceptron(), {}, async (session) => (await session.run({ x })).logits!)
  const squares = (answer.data as Float32Array).map((z, i) => (z - told[i]!) ** 2)
  const { loss } = await taught({ compared: 'logits' })
  expect(loss).toBeCloseTo(squares.reduce((a, b) => a + b) / (2 * squares.length), 4)
})

test('compared by logits is what high temperatures tend to, but for a shift of all logits', async () => {
  const { gradients } = await taught({ compared: 'logits' })
  const hot = (await taught({ compared: 'probabilities' }, 1000)).gradients
  // The last CLASSES gradients are those of the bias; every row of w2 before them has one a class.
  const centred = gradients.map((g, i) => {
    const row = gradients.slice(i - (i % CLASSES), i - (i % CLASSES) + CLASSES)
    return g - row.reduce((a, b) => a + b) / CLASSES
  })
  expect(largest(centred.map((g, i) => g - hot[i]!))).toBeLessThan(0.01 * largest(centred))
})
