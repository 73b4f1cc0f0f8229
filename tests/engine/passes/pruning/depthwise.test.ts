import { expect, test } from 'vitest'
import { Tensor } from '../../../../src/engine/onnx'
import { checkPruning } from './check'
import { Net } from './build'

test('inverted residuals: the depthwise convolution follows the expansion', async () => {
  const net = new Net(20)
  let x = net.cbr(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3, { stride: 2 })
  for (const [from, to] of [
    [8, 8],
    [8, 12],
    [12, 12],
  ] as const) {
    const wide = net.cbr(x, from, from * 4, 1)
    const deep = net.op('Clip', [
      net.norm(net.conv(wide, from * 4, from * 4, 3, { group: from * 4, bias: false }), from * 4),
      net.constant('lo', Tensor.scalar('float32', 0)),
      net.constant('hi', Tensor.scalar('float32', 6)),
    ])
    const out = net.norm(net.conv(deep, from * 4, to, 1, { bias: false }), to)
    x = from === to ? net.op('Add', [x, out]) : out
  }
  const { dependencies, pruned } = await checkPruning(net.head(x, 12).done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([
    8, 12, 32, 32, 48,
  ])
  const groups = pruned.graph.nodes.filter((node) => node.is('Conv')).map((node) => node.int('group', 1))
  expect(groups.filter((group) => group > 1)).toEqual([16, 16, 24])
})

test('a depthwise convolution that multiplies channels', async () => {
  const net = new Net(21)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 6, 3)
  const many = net.relu(net.conv(x, 6, 18, 3, { group: 6 }))
  const { dependencies } = await checkPruning(net.head(net.cbr(many, 18, 8, 1), 8).done())
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual(['6x3', '8x1'])
})

test('grouped convolutions lose as many channels in each group', async () => {
  const net = new Net(22)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 16, 3)
  const mixed = net.cbr(net.cbr(x, 16, 24, 3, { group: 4 }), 24, 8, 1)
  const { dependencies, pruned } = await checkPruning(net.head(mixed, 8).done())
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual([
    '4x4',
    '6x4',
    '8x1',
  ])
  expect(pruned.graph.nodes.filter((node) => node.is('Conv'))[1]!.int('group')).toBe(4)
})

test('transposed convolutions: plain, grouped and depthwise', async () => {
  for (const group of [1, 2, 8]) {
    const net = new Net(23)
    const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 8, 3)
    const w = net.weight([8, 8 / group, 2, 2])
    const up = net.op('ConvTranspose', [x, w, net.weight([8], 'b')], {
      group: { int: group },
      strides: { ints: [2, 2] },
    })
    const { dependencies } = await checkPruning(net.head(net.cbr(net.relu(up), 8, 8, 1), 8).done())
    expect(dependencies.groups.length, `group ${group}`).toBe(group === 8 ? 2 : 3)
  }
})
