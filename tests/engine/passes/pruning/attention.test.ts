import { expect, test } from 'vitest'
import { Tensor } from '../../../../src/engine/onnx'
import { checkPruning } from './check'
import { Net } from './build'

type Style = 'four-dims' | 'batch-times-heads' | 'packed'

/** One encoder block of width 16, 4 heads of 4, in the ways exporters write it. */
function encoder(style: Style, norm = true): Net {
  const net = new Net(60)
  const batch = style === 'batch-times-heads' ? 2 : 'batch'
  const x0 = net.dense(net.input('x', [batch, 8, 6]), 6, 16)
  const layerNorm = (v: string): string =>
    norm
      ? net.op('LayerNormalization', [v, net.weight([16], 'g', 0.2, 1), net.weight([16], 'b', 0.2)], {
          axis: { int: -1 },
        })
      : v
  const x = layerNorm(x0)
  const mixed =
    style === 'four-dims' ? fourDims(net, x) : style === 'packed' ? packed(net, x) : batchTimesHeads(net, x)
  const y = layerNorm(net.op('Add', [x, net.dense(mixed, 16, 16)]))
  const wide = net.op('Gelu', [net.dense(y, 16, 24)], {}, 1, 'com.microsoft')
  net.model.importOpset('com.microsoft', 1)
  const z = layerNorm(net.op('Add', [y, net.dense(wide, 24, 16)]))
  return net.output(net.dense(z, 16, 3), 3)
}

const scaled = (net: Net, scores: string): string =>
  net.op('Softmax', [net.op('Mul', [scores, net.constant('scale', Tensor.scalar('float32', 0.5))])], {
    axis: { int: -1 },
  })

function attend(net: Net, q: string, k: string, v: string): string {
  return net.op('MatMul', [scaled(net, net.op('MatMul', [q, k])), v])
}

function fourDims(net: Net, x: string): string {
  const heads = (v: string, perm: number[]): string =>
    net.op('Transpose', [net.op('Reshape', [v, net.ints([0, 0, 4, 4])])], { perm: { ints: perm } })
  const out = attend(
    net,
    heads(net.dense(x, 16, 16), [0, 2, 1, 3]),
    heads(net.dense(x, 16, 16), [0, 2, 3, 1]),
    heads(net.dense(x, 16, 16), [0, 2, 1, 3]),
  )
  return net.op('Reshape', [
    net.op('Transpose', [out], { perm: { ints: [0, 2, 1, 3] } }),
    net.ints([0, 0, 16]),
  ])
}

function packed(net: Net, x: string): string {
  const qkv = net.op('Reshape', [net.dense(x, 16, 48), net.ints([0, 0, 3, 4, 4])])
  const turned = net.op('Transpose', [qkv], { perm: { ints: [2, 0, 3, 1, 4] } })
  const part = (i: number): string =>
    net.op('Gather', [turned, net.constant('i', Tensor.int64([i], []))], { axis: { int: 0 } })
  const out = attend(net, part(0), net.op('Transpose', [part(1)], { perm: { ints: [0, 1, 3, 2] } }), part(2))
  return net.op('Reshape', [
    net.op('Transpose', [out], { perm: { ints: [0, 2, 1, 3] } }),
    net.ints([0, 0, 16]),
  ])
}

function batchTimesHeads(net: Net, x: string): string {
  const first = net.op('Transpose', [x], { perm: { ints: [1, 0, 2] } })
  const heads = (v: string): string =>
    net.op('Transpose', [net.op('Reshape', [v, net.ints([8, 8, 4])])], { perm: { ints: [1, 0, 2] } })
  const keys = net.op('Transpose', [heads(net.dense(first, 16, 16))], { perm: { ints: [0, 2, 1] } })
  const out = attend(net, heads(net.dense(first, 16, 16)), keys, heads(net.dense(first, 16, 16)))
  const back = net.op('Reshape', [
    net.op('Transpose', [out], { perm: { ints: [1, 0, 2] } }),
    net.ints([8, 2, 16]),
  ])
  return net.op('Transpose', [back], { perm: { ints: [1, 0, 2] } })
}

test.each<[Style, string]>([
  ['four-dims', '4x4'],
  ['batch-times-heads', '4x4'],
  ['packed', '4x12'],
])('heads are units, queries, keys and values together: %s', async (style, heads) => {
  const { dependencies } = await checkPruning(encoder(style).done(), {
    batches: style === 'batch-times-heads' ? [2] : [1, 2],
  })
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual([heads, '24x1'])
})

test('positions within all heads as units', async () => {
  const { dependencies } = await checkPruning(encoder('four-dims').done(), { attention: 'head-size' })
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual([
    '4x4',
    '4x4',
    '24x1',
  ])
})

test('without normalization the width is a group like any other', async () => {
  const { dependencies } = await checkPruning(encoder('four-dims', false).done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([4, 16, 24])
})

test('layer normalization keeps the width unless asked', async () => {
  const model = encoder('four-dims').done()
  const { dependencies } = await checkPruning(model)
  const stream = model.graph.nodes.find((node) => node.is('LayerNormalization'))!.inputs[0]!
  expect(dependencies.whyFixed(stream, 2)).toMatch(/layer normalization/)
})
