import { expect, test } from 'vitest'
import { checkPruning } from './check'
import { Net } from './build'

test('each layer of a dense block is a group of its own', async () => {
  const net = new Net(4, 9)
  let x = net.cbr(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3)
  let channels = 8
  for (let layer = 0; layer < 3; layer++) {
    const squeezed = net.conv(net.relu(net.norm(x, channels)), channels, 12, 1, { bias: false })
    const grown = net.conv(net.relu(net.norm(squeezed, 12)), 12, 4, 3, { bias: false })
    x = net.op('Concat', [x, grown], { axis: { int: 1 } })
    channels += 4
  }
  // Transition: half the channels, half the size.
  x = net.op('AveragePool', [net.conv(net.relu(net.norm(x, channels)), channels, 10, 1)], {
    kernel_shape: { ints: [2, 2] },
    strides: { ints: [2, 2] },
  })
  const { dependencies } = await checkPruning(net.head(net.norm(x, 10), 10).done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([
    4, 4, 4, 8, 10, 12, 12, 12,
  ])
})

test('branches of an inception block stay apart', async () => {
  const net = new Net(5, 9)
  const x = net.cbr(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3)
  const pool = net.op('MaxPool', [x], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } })
  const branches = [
    net.cbr(x, 8, 4, 1),
    net.cbr(net.cbr(x, 8, 4, 1), 4, 6, 3),
    net.cbr(net.cbr(x, 8, 3, 1), 3, 5, 5),
    net.cbr(pool, 8, 4, 1),
  ]
  const joined = net.op('Concat', branches, { axis: { int: 1 } })
  const { dependencies } = await checkPruning(net.head(net.cbr(joined, 19, 8, 3), 8).done())
  expect(dependencies.groups).toHaveLength(8)
})

test('channels joined with an input of the model keep the input whole', async () => {
  const net = new Net(6)
  const image = net.input('x', ['batch', 3, 8, 8])
  const joined = net.op('Concat', [net.cbr(image, 3, 6, 3), image], { axis: { int: 1 } })
  const { dependencies, pruned } = await checkPruning(net.head(net.cbr(joined, 9, 8, 3), 8).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([6, 8])
  expect(pruned.graph.inputs[0]!.dims).toEqual(['batch', 3, 8, 8])
})

test('the same value twice in one Concat', async () => {
  const net = new Net(7)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 6, 3)
  await checkPruning(net.head(net.cbr(net.op('Concat', [x, x], { axis: { int: -3 } }), 12, 8, 3), 8).done())
})
