import { expect, test } from 'vitest'
import { checkPruning } from './check'
import { Net } from './build'

test('an image and a vector that meet', async () => {
  const net = new Net(70)
  const image = net.cbr(net.input('image', ['batch', 3, 8, 8]), 3, 8, 3)
  const pooled = net.op('Flatten', [net.op('GlobalAveragePool', [image])])
  const facts = net.relu(net.gemm(net.input('facts', ['batch', 5]), 5, 8))
  const joined = net.op('Concat', [pooled, facts], { axis: { int: 1 } })
  const { dependencies, pruned } = await checkPruning(
    net.output(net.gemm(net.relu(net.gemm(joined, 16, 12)), 12, 3), 2).done(),
  )
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8, 8, 12])
  expect(pruned.graph.inputs.map((input) => input.dims)).toEqual([
    ['batch', 3, 8, 8],
    ['batch', 5],
  ])
})

test('an input that is added to channels keeps them', async () => {
  const net = new Net(71)
  const image = net.cbr(net.input('image', ['batch', 3, 8, 8]), 3, 8, 3)
  const sum = net.op('Add', [image, net.input('style', ['batch', 8, 1, 1])])
  const { dependencies } = await checkPruning(net.head(net.cbr(sum, 8, 6, 3), 6).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([6])
})

test('a modulated stream: scale and shift from the second input', async () => {
  const net = new Net(72)
  const image = net.conv(net.input('image', ['batch', 3, 8, 8]), 3, 8, 3)
  const style = net.gemm(net.input('style', ['batch', 4]), 4, 16)
  const [scale, shift] = net.ops(
    'Split',
    [net.op('Unsqueeze', [style, net.ints([2, 3])]), net.ints([8, 8])],
    { axis: { int: 1 } },
    2,
  )
  const sum = net.op('Add', [net.op('Mul', [image, scale!]), shift!])
  const { dependencies } = await checkPruning(net.head(net.cbr(sum, 8, 6, 3), 6).done())
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual(['8x2', '6x1'])
})

test('two outputs keep their shapes', async () => {
  const net = new Net(73)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 8, 3)
  net.output(net.conv(x, 8, 4, 1), 4)
  const { dependencies, pruned } = await checkPruning(net.head(net.cbr(x, 8, 6, 3), 6).done())
  expect(pruned.graph.outputs).toHaveLength(2)
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8, 6])
})
