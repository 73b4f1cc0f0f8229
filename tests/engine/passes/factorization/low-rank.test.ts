import { expect, test } from 'vitest'
import { PareError } from '../../../../src/contract/errors'
import { Tensor } from '../../../../src/engine/onnx'
import { productLayer } from '../../../../src/engine/layers/product'
import { applyForm } from '../../../../src/engine/passes/factorization/form'
import { productForm, spatialForm, tuckerForm } from '../../../../src/engine/passes/factorization/forms'
import { lowRankPass } from '../../../../src/engine/passes/low-rank'
import { rankForEnergy } from '../../../../src/engine/math/factorize/rank'
import { matrix } from '../../../../src/engine/math/matrix'
import { Net } from '../pruning/build'
import { expectSame, outputsOf, weightCount } from '../pruning/check'
import { contextFor } from '../pruning/context'
import { randomFeeds } from '../../../../src/engine/runtime'

/** A strided, padded, dilated convolution with bias, then something behind it. */
function convNet(): Net {
  const net = new Net(90)
  const x = net.input('x', ['batch', 6, 12, 12])
  const conv = net.op('Conv', [x, net.weight([8, 6, 3, 3]), net.weight([8], 'b')], {
    strides: { ints: [2, 1] },
    pads: { ints: [1, 2, 0, 1] },
    dilations: { ints: [1, 2] },
    kernel_shape: { ints: [3, 3] },
  })
  return net.head(net.relu(conv), 8)
}

test.each(['channel', 'spatial', 'tucker'] as const)(
  'a convolution at full rank is unchanged: %s',
  async (kind) => {
    const model = convNet().done()
    const copy = model.clone()
    const layer = productLayer(
      copy.graph,
      copy.graph.nodes.find((node) => node.is('Conv'))!,
    )!
    const { dims } = layer.tensor
    const { inputs, outputs } = layer.product
    const w = matrix(inputs, outputs, Float64Array.from(layer.columns()))
    const makers = {
      channel: () => productForm(layer, dims, w, { rank: 8 }, rankForEnergy),
      spatial: () => spatialForm(layer, dims, w, { rank: 18 }),
      tucker: () => tuckerForm(layer, dims, w, { rank: 8 }),
    }
    applyForm(copy.graph, layer, (await makers[kind]())!.form)
    expect(copy.graph.nodes.filter((node) => node.is('Conv')).length).toBe(kind === 'tucker' ? 3 : 2)
    await expectSame(model, copy)
  },
)

test('products keep their bias, transposed or not', async () => {
  const net = new Net(91)
  const hidden = net.relu(net.gemm(net.input('x', ['batch', 30]), 30, 40))
  const model = net.output(net.dense(hidden, 40, 32), 2).done()
  const { model: same } = await lowRankPass
    .run(model, { rankBy: 'energy', energy: 1, leastWeights: 16 }, contextFor(model))
    .catch((error: unknown) => {
      // At full energy the factors are larger than the layer, and it says so.
      expect(error).toBeInstanceOf(PareError)
      return { model }
    })
  await expectSame(model, same)
})

/** Inputs of very uneven size make plain SVD choose wrong. */
function unevenNet(): Net {
  const net = new Net(92)
  const scales = net.constant(
    'scales',
    Tensor.float32(
      [64],
      Array.from({ length: 64 }, (_, i) => 10 ** ((-2.5 * i) / 64)),
    ),
  )
  const x = net.op('Mul', [net.input('x', ['batch', 64]), scales])
  return net.output(net.gemm(x, 64, 48), 2)
}

async function errorOf(params: object): Promise<number> {
  const model = unevenNet().done()
  const context = contextFor(model, 512)
  const { model: small } = await lowRankPass.run(model, { ratio: 0.4, ...params }, context)
  expect(weightCount(small)).toBeLessThan(0.5 * weightCount(model))
  const feeds = randomFeeds(model, { batch: 200, seed: 9 })
  const [a, b] = [
    Object.values(await outputsOf(model, feeds))[0]!.data,
    Object.values(await outputsOf(small, feeds))[0]!.data,
  ]
  return (
    a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.reduce((sum, value) => sum + value ** 2, 0)
  )
}

test('weighed by real inputs it errs far less than plain SVD of the same size', async () => {
  const plain = await errorOf({ whiten: false, refit: false })
  const whitened = await errorOf({ refit: false })
  const refitted = await errorOf({})
  expect(whitened).toBeLessThan(0.3 * plain)
  expect(refitted).toBeLessThan(1.1 * whitened)
})

test('what cannot gain is left alone with its reason', async () => {
  const net = new Net(93)
  const x = net.cbr(net.input('x', ['batch', 3, 12, 12]), 3, 48, 3)
  const deep = net.cbr(x, 48, 48, 3, { group: 48 })
  const model = net.head(net.cbr(deep, 48, 64, 1), 64).done()
  const { skipped, model: small } = await lowRankPass.run(model, {}, contextFor(model, 64))
  const reasons = skipped!.map(({ reason }) => reason).join('; ')
  expect(reasons).toMatch(/depthwise/)
  expect(reasons).toMatch(/no rank to spare/)
  expect(weightCount(small)).toBeLessThan(weightCount(model))
  await expect(
    lowRankPass.run(unevenNet().done(), { leastWeights: 1e6 }, contextFor(unevenNet().done())),
  ).rejects.toMatchObject({ code: 'model/nothing-to-do' })
})
