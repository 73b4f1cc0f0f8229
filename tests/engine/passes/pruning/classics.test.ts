/** The kinds of graph in the ONNX package's backend tests, opset 9, small and with random weights. */
import { expect, test } from 'vitest'
import { checkPruning } from './check'
import { Net } from './build'

const pool = (net: Net, x: string): string =>
  net.op('MaxPool', [x], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } })

test('AlexNet: grouped convolutions, local response normalization, reshape, dropout', async () => {
  const net = new Net(100, 9)
  let x = net.relu(net.conv(net.input('x', [1, 3, 16, 16]), 3, 8, 5))
  x = pool(net, net.op('LRN', [x], { size: { int: 5 } }))
  x = pool(net, net.op('LRN', [net.relu(net.conv(x, 8, 12, 5, { group: 2 }))], { size: { int: 5 } }))
  x = net.relu(net.conv(x, 12, 16, 3))
  x = net.relu(net.conv(x, 16, 16, 3, { group: 2 }))
  x = pool(net, net.relu(net.conv(x, 16, 8, 3, { group: 2 })))
  const flat = net.op('Reshape', [x, net.ints([1, 32])])
  const hidden = net.op('Dropout', [net.relu(net.gemm(flat, 32, 24))], { ratio: { float: 0.5 } })
  const out = net.op('Softmax', [net.gemm(net.relu(net.gemm(hidden, 24, 20)), 20, 10)])
  const { dependencies } = await checkPruning(net.output(out, 2).done(), { batches: [1] })
  // What response normalization mixes stays; the rest goes.
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual([
    '8x2',
    '8x2',
    '4x2',
    '24x1',
    '20x1',
  ])
})

test('VGG: plain stacks flattened into dense layers', async () => {
  const net = new Net(101, 9)
  let x = net.input('x', [1, 3, 16, 16])
  for (const [from, to] of [
    [3, 8],
    [8, 12],
    [12, 16],
  ] as const)
    x = pool(net, net.relu(net.conv(net.relu(net.conv(x, from, to, 3)), to, to, 3)))
  const flat = net.op('Reshape', [x, net.ints([1, 64])])
  const { dependencies } = await checkPruning(
    net.output(net.gemm(net.relu(net.gemm(flat, 64, 24)), 24, 10), 2).done(),
    { batches: [1] },
  )
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8, 8, 12, 12, 16, 16, 24])
})

test('SqueezeNet: fire modules and a convolutional classifier', async () => {
  const net = new Net(102, 9)
  let x = net.relu(net.conv(net.input('x', [1, 3, 16, 16]), 3, 8, 3, { stride: 2 }))
  let channels = 8
  for (const [squeeze, expand] of [
    [4, 6],
    [5, 8],
  ] as const) {
    const small = net.relu(net.conv(x, channels, squeeze, 1))
    x = net.op(
      'Concat',
      [net.relu(net.conv(small, squeeze, expand, 1)), net.relu(net.conv(small, squeeze, expand, 3))],
      { axis: { int: 1 } },
    )
    channels = 2 * expand
  }
  const out = net.op('Softmax', [net.op('GlobalAveragePool', [net.relu(net.conv(x, channels, 10, 1))])])
  const { dependencies } = await checkPruning(net.output(out, 4).done(), { batches: [1] })
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8, 4, 6, 6, 5, 8, 8])
})

test('ResNet-50: bottlenecks with projections, old Sum', async () => {
  const net = new Net(103, 9)
  let x = net.cbr(net.input('x', [1, 3, 16, 16]), 3, 8, 3)
  for (const [from, inner, to] of [
    [8, 4, 16],
    [16, 4, 16],
    [16, 8, 24],
  ] as const) {
    const body = net.norm(
      net.conv(net.cbr(net.cbr(x, from, inner, 1), inner, inner, 3), inner, to, 1, { bias: false }),
      to,
    )
    const shortcut = from === to ? x : net.norm(net.conv(x, from, to, 1, { bias: false }), to)
    x = net.relu(net.op('Sum', [body, shortcut]))
  }
  const { dependencies } = await checkPruning(net.head(x, 24).done(), { batches: [1] })
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8, 4, 4, 16, 4, 4, 8, 8, 24])
})
