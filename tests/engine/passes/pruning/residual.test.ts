import { expect, test } from 'vitest'
import { checkPruning } from './check'
import { Net } from './build'

/** Two stages of basic blocks, the second with a projection, as in ResNet. */
function resnet(): Net {
  const net = new Net(1)
  let x = net.cbr(net.input('x', ['batch', 3, 16, 16]), 3, 8, 3)
  for (const [from, to, stride] of [
    [8, 8, 1],
    [8, 16, 2],
    [16, 16, 1],
  ] as const) {
    const inner = net.cbr(x, from, to, 3, { stride })
    const out = net.norm(net.conv(inner, to, to, 3, { bias: false }), to)
    const shortcut = from === to ? x : net.norm(net.conv(x, from, to, 1, { stride, bias: false }), to)
    x = net.relu(net.op('Add', [out, shortcut]))
  }
  return net.head(x, 16)
}

test('channels that meet in additions go together, those inside a block alone', async () => {
  const { dependencies } = await checkPruning(resnet().done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([
    8, 8, 16, 16, 16,
  ])
  const stream = dependencies.groups.find((group) => [...group.places.values()].flat().length > 12)!
  const weights = [...stream.places.values()].flat().filter((place) => place.value.startsWith('w_'))
  // Made by the stem and one block, read by three convolutions and the projection.
  expect(weights.length).toBeGreaterThanOrEqual(5)
})

test('a chain of residual blocks loses channels at every ratio', async () => {
  for (const share of [0.3, 0.7, 1]) await checkPruning(resnet().done(), { share })
})

test('a shortcut padded with zero channels', async () => {
  const net = new Net(2)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 6, 3)
  const inner = net.conv(net.cbr(x, 6, 12, 3), 12, 12, 3)
  const padded = net.op('Pad', [x, net.ints([0, 3, 0, 0, 0, 3, 0, 0])])
  const { dependencies, removed } = await checkPruning(
    net.head(net.relu(net.op('Add', [inner, padded])), 12).done(),
  )
  expect(removed.size).toBeGreaterThan(6)
  expect(dependencies.groups.length).toBeGreaterThanOrEqual(3)
})

test('one channel broadcast over many', async () => {
  const net = new Net(3)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 8, 3)
  const gate = net.op('Sigmoid', [net.conv(x, 8, 1, 1)])
  await checkPruning(net.head(net.op('Mul', [x, gate]), 8).done())
})
