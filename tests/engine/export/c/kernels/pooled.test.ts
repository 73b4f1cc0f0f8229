/** A convolution and the pool behind it are one step: what lies between them is one channel at a time. */
import { describe, expect, test } from 'vitest'
import type { generate } from '../../../../../src/engine/export/c/generate'
import type { Model } from '../../../../../src/engine/onnx'
import { findPass } from '../../../../../src/engine/passes'
import { float32 } from '../../../../../src/engine/runtime'
import { Net } from '../../../passes/pruning/build'
import { contextOf, noise } from '../../../passes/quantization/support'
import { coded } from '../nets'
import { apart, compiler, WITHOUT } from '../support'

const pair = (size: number): { ints: number[] } => ({ ints: [size, size] })

/** Convolution, Relu and a pool; its convolution gives 8 planes of 16 × 16. */
function pooled(opType: string, pads = [0, 0, 0, 0]): Model {
  const net = new Net(4)
  const a = net.op('Relu', [net.conv(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3)])
  const settings: Record<string, { ints: number[] }> = opType.startsWith('Global')
    ? {}
    : { kernel_shape: pair(2), strides: pair(2), pads: { ints: pads } }
  return net.output(net.op(opType, [a], settings), 4).model
}

const WHOLE = 8 * 16 * 16
const sample = { x: float32([1, 3, 16, 16], noise([1, 3, 16, 16], 3).data as Float32Array) }
const operators = (made: Awaited<ReturnType<typeof generate>>): string[] =>
  made.program.steps.map(({ op }) => op)

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test.each(['MaxPool', 'AveragePool', 'LpPool', 'GlobalAveragePool', 'GlobalMaxPool'])(
    '%s in one step with its convolution, in less room than that gives',
    async (opType) => {
      const { made, most } = await apart(pooled(opType), [sample])
      expect(most).toBeLessThan(1e-5)
      expect(operators(made)).toEqual(['conv_pool'])
      expect(made.arenaBytes).toBe(4 * 16 * 16)
    },
  )

  test('of a pruned weight', async () => {
    const model = coded(pooled('MaxPool'), (value, i) => (i % 9 ? 0 : Math.round(value * 5)))
    const { made, most } = await apart(model, [sample])
    expect(most).toBeLessThan(1e-5)
    expect(operators(made)).toEqual(['sparse_conv_pool'])
    expect(made.arenaBytes).toBeLessThan(4 * WHOLE)
  })

  test('of codes', async () => {
    const float = pooled('MaxPool')
    const context = contextOf(float, { x: noise([32, 3, 16, 16]) })
    const { model } = await findPass('quantize-static').run(
      float,
      { calibration: 'min-max', maxLoss: 100 },
      context,
    )
    const { made, most } = await apart(model, [sample])
    expect(most).toBeLessThan(0.01)
    expect(operators(made)).toContain('conv_int_pool')
    expect(made.arenaBytes).toBeLessThan(WHOLE)
  })

  test('a pool that reaches into padding is a step of its own', async () => {
    const { made, most } = await apart(pooled('MaxPool', [1, 1, 1, 1]), [sample])
    expect(most).toBeLessThan(1e-5)
    expect(operators(made)).toEqual(['conv', 'MaxPool'])
  })

  test('what something else reads too is kept whole', async () => {
    const model = pooled('MaxPool')
    const [relu] = model.graph.nodes.filter((node) => node.is('Relu'))
    model.graph.outputs.push({ name: relu!.outputs[0]!, dtype: 'float32', dims: [null, null, null, null] })
    const { made, most } = await apart(model, [sample])
    expect(most).toBeLessThan(1e-5)
    expect(operators(made)).toEqual(['conv', 'MaxPool'])
  })
})
