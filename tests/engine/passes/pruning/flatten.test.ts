import { expect, test } from 'vitest'
import { checkPruning } from './check'
import { Net } from './build'

test.each(['Flatten', 'Reshape', 'Reshape-static', 'Reshape-computed'])(
  'a channel becomes a block of columns: %s',
  async (how) => {
    const net = new Net(40)
    const fixed = how === 'Reshape-static'
    const x = net.cbr(net.input('x', [fixed ? 1 : 'batch', 3, 8, 8]), 3, 6, 3)
    const pooled = net.op('MaxPool', [x], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } })
    const flat = flattened(net, pooled, how)
    const { dependencies, pruned } = await checkPruning(
      net.output(net.gemm(net.relu(net.gemm(flat, 96, 10)), 10, 4), 2).done(),
      { batches: fixed ? [1] : [1, 2] },
    )
    expect(dependencies.groups.map((group) => group.units.length)).toEqual([6, 10])
    const gemm = pruned.graph.nodes.find((node) => node.is('Gemm'))!
    expect(pruned.graph.initializers.get(gemm.inputs[1]!)!.dims).toEqual([5, 48])
  },
)

function flattened(net: Net, x: string, how: string): string {
  if (how === 'Flatten') return net.op('Flatten', [x])
  if (how === 'Reshape') return net.op('Reshape', [x, net.ints([0, -1])])
  if (how === 'Reshape-static') return net.op('Reshape', [x, net.ints([1, 96])])
  const batch = net.op('Gather', [net.op('Shape', [x]), net.ints([0])])
  return net.op('Reshape', [x, net.op('Concat', [batch, net.ints([96])], { axis: { int: 0 } })])
}

test('channels last', async () => {
  const net = new Net(41)
  const x = net.cbr(net.input('x', ['batch', 3, 4, 4]), 3, 6, 3)
  const last = net.op('Transpose', [x], { perm: { ints: [0, 2, 3, 1] } })
  const { dependencies } = await checkPruning(
    net.output(net.gemm(net.op('Flatten', [last]), 96, 4), 2).done(),
  )
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual(['6x1'])
})

test('a length that a model computes with keeps its channels', async () => {
  const net = new Net(42)
  const x = net.cbr(net.input('x', ['batch', 3, 4, 4]), 3, 6, 3)
  const width = net.op('Cast', [net.op('Gather', [net.op('Shape', [x]), net.ints([1])])], { to: { int: 1 } })
  const { dependencies } = await checkPruning(net.head(net.cbr(net.op('Div', [x, width]), 6, 8, 1), 8).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8])
})

test('group normalization spelled out loses whole groups', async () => {
  const net = new Net(43)
  const x = net.conv(net.input('x', ['batch', 3, 4, 4]), 3, 8, 3)
  const grouped = net.op('Reshape', [x, net.ints([0, 2, -1])])
  const normal = net.op('InstanceNormalization', [grouped, net.weight([2], 'g'), net.weight([2], 'b')])
  const back = net.op('Reshape', [normal, net.op('Shape', [x])])
  const { dependencies } = await checkPruning(net.head(net.cbr(back, 8, 8, 1), 8).done())
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual(['2x4', '8x1'])
})
