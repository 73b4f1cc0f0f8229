import { expect, test } from 'vitest'
import { Tensor } from '../../../src/engine/onnx'
import { float32, int64 } from '../../../src/engine/runtime'
import type { LossSpec } from '../../../src/engine/training/losses'
import { StepRunner } from '../../../src/engine/training/step'
import { Parameters } from '../../../src/engine/training/trainable'
import { perceptron, WIDTH } from './support'

const spec: LossSpec = { kind: 'cross-entropy', value: 'logits', classAxis: 1, hard: true, soft: false }

test('gradients replace what was there; a weight that the loss does not reach has none', async () => {
  const model = perceptron()
  const { graph } = model
  graph.initializers.set('aside', Tensor.float32([WIDTH], Float32Array.of(1, 2, 3, 4)))
  graph.addNode({ opType: 'Mul', inputs: ['x', 'aside'], outputs: ['other'] })
  graph.outputs.push({ name: 'other', dtype: 'float32', dims: ['batch', WIDTH] })
  const parameters = Parameters.of(model, ['w1', 'aside', 'b2'])
  const runner = new StepRunner({ model, spec, trainable: parameters.names, micro: 2 })
  const x = float32([2, WIDTH], Float32Array.of(1, -1, 0.5, 2, 0, 1, -2, 0.3))
  const batch = { indices: [0, 1], inputs: { x }, labels: int64([2], [0, 2]) }
  const gradients = async (into: Float32Array): Promise<Float32Array> => {
    await runner.gradients({ batch }, 1 / 2, parameters, into, { alpha: 0, temperature: 1 })
    return into
  }
  const once = await gradients(new Float32Array(parameters.values.length))
  const again = await gradients(new Float32Array(parameters.values.length).fill(NaN))
  await runner.release()
  expect(again).toEqual(once)
  expect([...parameters.view(1, once)]).toEqual([0, 0, 0, 0])
  expect(parameters.view(0, once).some((g) => g !== 0)).toBe(true)
  // Over all classes, Σ (p − label) is zero for every sample.
  expect(parameters.view(2, once).reduce((a, b) => a + b)).toBeCloseTo(0, 6)
})
