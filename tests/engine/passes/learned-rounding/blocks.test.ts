import { expect, test } from 'vitest'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { quantizeStatic } from '../../../../src/engine/passes/quantize-static'
import { blocksOf } from '../../../../src/engine/passes/learned-rounding/blocks'
import { Net } from '../pruning/build'
import type { PassResult } from '../../../../src/engine/passes/pass'
import type { Values } from '../../../../src/engine/runtime'
import { contextOf, fidelity, noise } from '../quantization/support'

/** Names of the layers of each block, and where it ends. */
function blocks({ graph }: Model): [layers: string[], output: string][] {
  graph.sort()
  const layers = graph.nodes
    .filter((node) => node.is('Conv', 'Gemm'))
    .map((node) => ({ node, output: node.outputs[0]! }))
  return blocksOf(graph, layers).map(({ layers, output }) => [layers.map((layer) => layer.output), output])
}

const classes = (net: Net, x: string, channels: number): string =>
  net.gemm(net.op('Flatten', [net.op('GlobalAveragePool', [x])]), channels, 6)

test('a residual block is one, layers in a row go by three, and probabilities end none', () => {
  const net = new Net(2)
  const row = Array.from({ length: 4 }, () => '')
  let x = net.input('x', [null, 3, 8, 8])
  for (const i of row.keys()) x = net.relu((row[i] = net.conv(x, i === 0 ? 3 : 8, 8, 3)))
  const inside = net.conv(x, 8, 8, 3)
  const end = net.conv(net.relu(inside), 8, 8, 3)
  const sum = net.relu(net.op('Add', [end, x]))
  const logits = classes(net, sum, 8)
  net.output(net.op('Softmax', [logits]), 2)
  const found = blocks(net.model)
  expect(found.map(([layers]) => layers)).toEqual([row.slice(0, 3), row.slice(3), [inside, end], [logits]])
  expect(found.at(-1)![1]).toBe(logits)
  const before = net.model.graph.producer(logits)!.inputs[0]
  expect(found.at(-2)![1]).toBe(before)
})

test('what never comes together again is taken layer by layer, and sizes computed on the way end no block', () => {
  const net = new Net(3)
  const x = net.input('x', [null, 3, 8, 8])
  const stem = net.relu(net.conv(x, 3, 8, 3))
  const heads = [net.conv(stem, 8, 4, 1), net.conv(net.relu(net.conv(stem, 8, 8, 3)), 8, 2, 1)]
  for (const head of heads) {
    const size = net.op('Shape', [head])
    net.output(net.op('Reshape', [head, size]), 4)
  }
  const found = blocks(net.model)
  expect(found).toHaveLength(4)
  expect(found[0]![1]).toBe(stem)
  expect(found.slice(1).every(([layers, output]) => layers.length === 1 && layers[0] === output)).toBe(true)
})

const STATIC = { calibration: 'min-max', maxLoss: 100 }

const codesOf = (model: Model): Float32Array[] =>
  [...model.graph.initializers.values()]
    .filter(({ dtype, dims }) => dtype === 'int8' && dims.length > 1)
    .map((tensor) => tensor.floats())

test('a block learned at 3 bits comes closer to the original than nearest and adaptive codes, on other samples too', async () => {
  const net = new Net(11)
  const x = net.input('x', [null, 8, 5, 5])
  const branch = net.conv(net.relu(net.conv(x, 8, 8, 3)), 8, 8, 3)
  net.output(net.op('GlobalAveragePool', [net.relu(net.op('Add', [branch, x]))]), 4)
  const { model } = net
  const inputs = { x: noise([256, 8, 5, 5]) }
  const others = { x: noise([256, 8, 5, 5], 77) }
  const rounded = async (rounding: string): Promise<{ result: PassResult; seen: number; unseen: number }> => {
    const result = await quantizeStatic.run(model, { ...STATIC, bits: 3, rounding }, contextOf(model, inputs))
    const at = (values: Values): Promise<number> => fidelity(model, result.model, values)
    return { result, seen: await at(inputs), unseen: await at(others) }
  }
  const [nearest, adaptive, blocks] = [
    await rounded('nearest'),
    await rounded('adaptive'),
    await rounded('blocks'),
  ]
  expect(blocks.seen).toBeGreaterThan(Math.max(nearest.seen, adaptive.seen) + 1.5)
  expect(blocks.unseen).toBeGreaterThan(Math.max(nearest.unseen, adaptive.unseen) + 0.5)
  const { model: made, summary, layers } = blocks.result
  expect(codesOf(made)).toHaveLength(2)
  for (const codes of codesOf(made)) expect(codes.every((code) => Math.abs(code) <= 3)).toBe(true)
  expect(codesOf(made)).not.toEqual(codesOf(adaptive.result.model))
  expect(summary).toContain('weights of 2 layers use 3 of their 8 bits, as asked')
  expect(summary).toContain('learned rounding brought 1 of 1 block closer to the original')
  expect(layers!.map(({ treatment }) => treatment)).toEqual(Array(2).fill('int8 per-channel, 3-bit weights'))
})

test('inputs that are the same make the nearest codes wrong, and learned ones keep to those that are right', async () => {
  const net = new Net(5)
  const x = net.input('x', [null, 4])
  const values = Float32Array.from(
    { length: 64 },
    (_, i) => [0.7, -0.4 + 0.1 * (i % 8), 0.04, 0.04][Math.floor(i / 16)]!,
  )
  net.output(net.op('MatMul', [x, net.constant('w', Tensor.float32([4, 16], values))]), 2)
  const inputs = { x: noise([64, 4]) }
  const data = inputs.x.data as Float32Array
  for (let i = 0; i < 64; i++) data[4 * i + 3] = data[4 * i + 2]!
  const sums = async (rounding: string): Promise<number[]> => {
    const { model } = await quantizeStatic.run(
      net.model,
      { ...STATIC, bits: 4, rounding },
      contextOf(net.model, inputs),
    )
    const [codes] = codesOf(model)
    return Array.from({ length: 16 }, (_, c) => codes![32 + c]! + codes![48 + c]!)
  }
  expect(await sums('nearest')).toEqual(Array(16).fill(0))
  expect(await sums('blocks')).toEqual(Array(16).fill(1))
})

test('layers that 3 bits cost too much take 8, and only then floats', async () => {
  const net = new Net(4)
  const x = net.input('x', [null, 32])
  net.output(net.gemm(net.relu(net.gemm(x, 32, 32)), 32, 8), 2)
  const inputs = { x: noise([96, 32]) }
  const options = { calibration: 'min-max', bits: 3, maxLoss: 2 }
  const { model, summary, skipped, layers } = await quantizeStatic.run(
    net.model,
    options,
    contextOf(net.model, inputs),
  )
  expect(summary).toMatch(/2 of 2 layers run on int8 with min-max ranges; [12] of 2 layers take 8 bits/)
  expect(codesOf(model).some((codes) => codes.some((code) => Math.abs(code) > 64))).toBe(true)
  expect(skipped!.every(({ reason }) => reason.startsWith('8 bits: it alone costs'))).toBe(true)
  expect(layers!.some(({ treatment }) => treatment === 'int8 per-channel')).toBe(true)
})
