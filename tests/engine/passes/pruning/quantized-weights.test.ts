/** Channels of models that are quantized already: what stays keeps its integers. */
import { describe, expect, test } from 'vitest'
import { readModel, Tensor, type Model } from '../../../../src/engine/onnx'
import { pruneChannels } from '../../../../src/engine/passes/prune-channels'
import { openCodes } from '../../../../src/engine/passes/pruning/quantized-weights'
import { quantizeStatic } from '../../../../src/engine/passes/quantize-static'
import { randomFeeds } from '../../../../src/engine/runtime'
import { findTarget } from '../../../../src/engine/targets'
import { hasReference, reference } from '../../../reference'
import { Net } from './build'
import { outputsOf } from './check'
import { contextFor } from './context'

/** A depthwise block, a residual sum, and a Gemm whose weight is not turned. */
function mobile(): Model {
  const net = new Net(3)
  const x = net.cbr(net.input('x', ['batch', 3, 16, 16]), 3, 24, 3)
  const wide = net.cbr(net.cbr(x, 24, 40, 1), 40, 40, 3, { group: 40 })
  const sum = net.relu(net.op('Add', [net.norm(net.conv(wide, 40, 24, 1), 24), x]))
  const pooled = net.op('Flatten', [net.op('GlobalAveragePool', [sum])])
  const gemm = net.op('Gemm', [pooled, net.weight([24, 5]), net.weight([5], 'b', 0.3)])
  return net.output(gemm, 2).done()
}

/** Of every constant that a DequantizeLinear restores: codes by rows of its scales, and these. */
function codesOf({ graph }: Model): { name: string; codes: Tensor; scale: Tensor }[] {
  return graph.nodes.flatMap((node) => {
    const codes = graph.initializers.get(node.inputs[0]!)
    return node.is('DequantizeLinear') && codes
      ? [{ name: node.outputs[0]!, codes, scale: graph.initializers.get(node.inputs[1]!)! }]
      : []
  })
}

async function errorShare(a: Model, b: Model): Promise<number> {
  const feeds = randomFeeds(a, { batch: 32, seed: 5, side: 16 })
  const [x, y] = [Object.values(await outputsOf(a, feeds))[0]!, Object.values(await outputsOf(b, feeds))[0]!]
  expect(y.dims).toEqual(x.dims)
  const mean = x.data.reduce((sum, v) => sum + v, 0) / x.data.length
  const spread = x.data.reduce((sum, v) => sum + (v - mean) ** 2, 0)
  return x.data.reduce((sum, v, i) => sum + (v - y.data[i]!) ** 2, 0) / spread
}

describe.each([
  ['scales of channels', {}, 'any'],
  ['one scale a tensor', { perChannel: false }, 'any'],
  ['seven bits', {}, 'pc-no-vnni'],
])('%s', (_, options, id) => {
  test('channels go, integers stay, and refitting makes up for it', async () => {
    const floats = mobile()
    const target = findTarget(id)
    const context = { ...contextFor(floats, 64), target }
    const { model } = await quantizeStatic.run(floats, { ...options, maxLoss: 100 }, context)
    const bare = await pruneChannels.run(model, { ratio: 0.3, reconstruct: false }, contextFor(model))
    const { model: pruned, layers } = await pruneChannels.run(model, { ratio: 0.3 }, contextFor(model))
    const [before, after] = [codesOf(model), codesOf(pruned)]
    expect(after.map(({ codes }) => codes.dtype).sort()).toEqual(
      before.map(({ codes }) => codes.dtype).sort(),
    )
    const bytes = (all: typeof before): number => all.reduce((sum, { codes }) => sum + codes.byteLength, 0)
    expect(bytes(after)).toBeLessThan(0.8 * bytes(before))
    expect(layers!.every(({ bytesBefore, bytesAfter }) => bytesAfter! < bytesBefore!)).toBe(true)
    if (target.int8.weightBits < 8)
      for (const { codes } of after)
        if (codes.dtype === 'int8')
          expect(codes.numbers().every((code) => code >= -64 && code <= 63)).toBe(true)
    const share = await errorShare(model, pruned)
    expect(share).toBeLessThan(0.3)
    expect(share).toBeLessThan(0.7 * (await errorShare(model, bare.model)))
  })
})

test('without refitting every code that stays is one that was there, by the scale it had', async () => {
  const { model } = await quantizeStatic.run(mobile(), { maxLoss: 100 }, contextFor(mobile(), 64))
  const opened = openCodes(model)
  const [conv] = codesOf(model).filter(({ codes }) => codes.dims.length === 4)
  const { codes, scale, name } = conv!
  const rows = [1, 4, 5]
  const width = codes.size / codes.dims[0]!
  const cut = opened.model.clone()
  const floats = cut.graph.initializers.get(name)!.floats()
  const taken = rows.flatMap((row) => [...floats.subarray(row * width, (row + 1) * width)])
  cut.graph.initializers.set(name, Tensor.float32([rows.length, ...codes.dims.slice(1)], taken))
  const closed = opened.closed(cut, (value, axis) =>
    value === name && axis === 0 ? Int32Array.from(rows) : undefined,
  )
  const found = codesOf(closed).find((one) => one.name === name)!
  const all = codes.numbers()
  expect(found.codes.numbers()).toEqual(rows.flatMap((row) => all.slice(row * width, (row + 1) * width)))
  expect([...found.scale.floats()]).toEqual(rows.map((row) => scale.floats()[row]))
})

test('what goes beyond its codes gets a larger scale, alone in its channel', () => {
  const net = new Net(1)
  const w = net.constant('codes', Tensor.of('int8', [2, 2], [127, -127, 100, 127]))
  const scale = net.constant('scale', Tensor.float32([2], [0.5, 0.25]))
  const restored = net.op('DequantizeLinear', [w, scale], { axis: { int: 0 } })
  const model = net.output(net.op('MatMul', [net.input('x', ['n', 2]), restored]), 2).done()
  const opened = openCodes(model)
  opened.model.graph.initializers.set(restored, Tensor.float32([2, 2], [127, -63.5, 25, 31.75]))
  const [one] = codesOf(opened.closed(opened.model, () => undefined))
  expect([...one!.scale.floats()]).toEqual([1, 0.25])
  expect(one!.codes.numbers()).toEqual([127, -64, 100, 127])
})

test('integers that are added elsewhere than as a bias stay integers', () => {
  const net = new Net(1)
  const codes = net.constant('codes', Tensor.of('int32', [3], [70_000, -5, 12]))
  const added = net.op('DequantizeLinear', [codes, net.constant('scale', Tensor.scalar('float32', 0.25))])
  const model = net.output(net.op('Add', [net.input('x', ['n', 3]), added]), 2).done()
  const opened = openCodes(model)
  const cut = opened.model.clone()
  cut.graph.initializers.set(added, Tensor.float32([2], [17_500, 3]))
  const [one] = codesOf(opened.closed(cut, (name) => (name === added ? Int32Array.of(0, 2) : undefined)))
  expect(one!.codes.dtype).toBe('int32')
  expect(one!.codes.numbers()).toEqual([70_000, 12])
})

test('what is nothing of the kind is given back as it is', () => {
  const model = mobile()
  const opened = openCodes(model)
  expect(opened.model).toBe(model)
  expect(opened.closed(model, () => undefined)).toBe(model)
})

test.skipIf(!hasReference)('a model that ONNX Runtime quantized loses channels and stays int8', async () => {
  const model = readModel(reference('peer', 'lenet5.static_minmax_pc.onnx'))
  const options = { ratio: 0.3, criterion: 'l2', reconstruct: false }
  const { model: pruned } = await pruneChannels.run(model, options, contextFor(model, 16))
  const [before, after] = [codesOf(model), codesOf(pruned)]
  expect(after).toHaveLength(before.length)
  const size = (all: typeof before): number => all.reduce((sum, { codes }) => sum + codes.size, 0)
  expect(size(after)).toBeLessThan(0.6 * size(before))
  await errorShare(model, pruned)
})
