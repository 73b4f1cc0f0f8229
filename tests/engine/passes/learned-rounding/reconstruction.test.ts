/** Layers whose output does not count samples by its first axis keep the codes they start from. */
import { expect, test } from 'vitest'
import { adaround } from '../../../../src/engine/passes/adaround'
import { matchingFeatures } from '../../../../src/engine/training/feature-pairs'
import { Net } from '../pruning/build'
import { contextOf, fidelity, noise } from '../quantization/support'

const inputs = { x: noise([48, 4, 16]) }

/** Positions of one size for all samples are added, a product takes steps of all samples as its rows, another samples second. */
function net(): { net: Net; perSample: string[] } {
  const net = new Net(3)
  const x = net.input('x', [null, 4, 16])
  const into = net.op('MatMul', [x, net.weight([16, 16])])
  const positions = net.op('Gather', [net.weight([8, 16]), net.ints([0, 1, 2, 3], [1, 4])])
  const both = net.op('Add', [into, positions])
  const flat = net.op('Reshape', [both, net.ints([-1, 16])])
  const rows = net.op('MatMul', [flat, net.weight([16, 16])])
  const back = net.op('Reshape', [rows, net.ints([-1, 4, 16])])
  const turned = net.op('Transpose', [back], { perm: { ints: [1, 0, 2] } })
  const second = net.op('MatMul', [turned, net.weight([16, 16])])
  const end = net.op('Transpose', [second], { perm: { ints: [1, 0, 2] } })
  net.output(end, 3)
  return { net, perSample: [into, both] }
}

test('each learns, or keeps the codes it starts from, and all of them go on together', async () => {
  const { net: made } = net()
  const params = { bits: 3, leastWeights: 16, effort: 0.2, epochs: 1 }
  const { summary, layers, model } = await adaround.run(made.model, params, contextOf(made.model, inputs))
  expect(layers).toHaveLength(4)
  expect(summary).toMatch(/Layer by layer, [01] of 4 came closer/)
  expect(summary).not.toContain('Layers have not learned together')
  expect(await fidelity(made.model, model, { x: noise([48, 4, 16], 9) })).toBeGreaterThan(8)
})

test('only values that count samples by their first axis are features', async () => {
  const { net: made, perSample } = net()
  const pairs = await matchingFeatures(made.model, made.model, inputs, 1, [])
  expect(pairs.map(({ student }) => student)).toEqual(perSample)
})
