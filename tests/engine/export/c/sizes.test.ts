/** What compressed models take of a board: sizes that are promised, whatever code and weights come to be. */
import path from 'node:path'
import { expect, test } from 'vitest'
import { footprintOn } from '../../../../src/engine/export/footprint'
import { seeded } from '../../../../src/engine/math/random'
import { readModel, type Model } from '../../../../src/engine/onnx'
import { findPass } from '../../../../src/engine/passes'
import { findTarget } from '../../../../src/engine/targets'
import { Net } from '../../passes/pruning/build'
import { contextOf, noise } from '../../passes/quantization/support'
import { coded } from './nets'

async function taken(model: Model, target: string): Promise<{ flashBytes: number; ramBytes: number }> {
  const footprint = await footprintOn(model, findTarget(target))
  if (!footprint || 'reason' in footprint) throw new Error(footprint?.reason)
  return footprint
}

test('the network for bearings, seven tenths of it zero and the rest of 16 values a layer, fits a Cortex-M0+ of 36 KiB RAM', async () => {
  let model = readModel(path.resolve('resources/samples/bearing/cnn1d.onnx'))
  const context = contextOf(model, { signal: noise([8, 3, 1024]) })
  for (const [pass, params] of [
    ['prune-weights', { sparsity: 0.7, method: 'magnitude' }],
    ['share-weights', { bits: 4 }],
  ] as const)
    ({ model } = await findPass(pass).run(model, params, context))
  const { flashBytes, ramBytes } = await taken(model, 'cortex-m0plus')
  expect(flashBytes).toBeLessThan(40_000)
  expect(ramBytes).toBeLessThan(36 * 1024)
})

/** LeNet-5 of Caffe. */
function lenet5(): Model {
  const net = new Net(1)
  const layer = (x: string, from: number, to: number): string => {
    const conv = net.op('Conv', [x, net.weight([to, from, 5, 5]), net.weight([to])])
    return net.op('MaxPool', [conv], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } })
  }
  const flat = net.op('Flatten', [layer(layer(net.input('x', ['batch', 1, 28, 28]), 1, 20), 20, 50)])
  return net.output(net.gemm(net.op('Relu', [net.gemm(flat, 800, 500)]), 500, 10), 2).model
}

test('LeNet-5 with a twentieth of its weights, of 16 values a layer, takes at most 48 kB of flash', async () => {
  const random = seeded(1)
  const values = Float32Array.from({ length: 15 }, () => random.normal())
  const sparse = coded(lenet5(), () => (random.below(20) ? 0 : values[random.below(15)]!))
  const { flashBytes, ramBytes } = await taken(sparse, 'cortex-m4f')
  expect(flashBytes).toBeLessThan(48_000)
  expect(ramBytes).toBeLessThan(20_000)
})
