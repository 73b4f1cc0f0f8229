import { expect, test } from 'vitest'
import { Tensor } from '../../../../src/engine/onnx'
import { checkPruning } from './check'
import { Net } from './build'

test('a kernel used twice is cut once, for both', async () => {
  const net = new Net(50)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 8, 3)
  const w = net.weight([8, 8, 3, 3])
  const once = net.relu(net.conv(x, 8, 8, 3, { w }))
  const twice = net.relu(net.conv(once, 8, 8, 3, { w }))
  const { dependencies, pruned } = await checkPruning(net.head(twice, 8).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8])
  expect(pruned.graph.initializers.get(w)!.dims).toEqual([4, 4, 3, 3])
})

test('siamese branches with one set of weights', async () => {
  const net = new Net(51)
  const w = net.weight([6, 3, 3, 3])
  const fc = net.weight([6, 10])
  const branch = (name: string): string => {
    const pooled = net.op('GlobalAveragePool', [
      net.relu(net.conv(net.input(name, ['batch', 3, 8, 8]), 3, 6, 3, { w })),
    ])
    return net.relu(net.op('MatMul', [net.op('Flatten', [pooled]), fc]))
  }
  const distance = net.op('Sub', [branch('left'), branch('right')])
  const { dependencies } = await checkPruning(net.output(net.gemm(distance, 10, 2), 2).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([6, 10])
})

test('equal vectors that an exporter merged do not couple their layers', async () => {
  const net = new Net(52)
  const zeros = net.constant('zeros', Tensor.float32([8], new Float32Array(8)))
  const x = net.input('x', ['batch', 3, 8, 8])
  const a = net.op('Conv', [x, net.weight([8, 3, 3, 3]), zeros])
  const b = net.op('Conv', [net.relu(a), net.weight([8, 8, 3, 3]), net.op('Identity', [zeros])])
  const { dependencies, pruned } = await checkPruning(net.head(net.relu(b), 8).done())
  expect(dependencies.groups.map((group) => group.units.length)).toEqual([8, 8])
  const { initializers, nodes } = pruned.graph
  const sizes = nodes
    .filter((node) => node.is('Conv'))
    .map(({ inputs: [, weight, bias] }) => [
      initializers.get(weight!)!.dims[0],
      initializers.get(bias!)!.size,
    ])
  expect(sizes).toHaveLength(2)
  for (const [channels, biases] of sizes) expect(biases).toBe(channels)
})

test('equal vectors that stay alike are one again', async () => {
  const net = new Net(53)
  const one = net.constant('vector', Tensor.float32([4], [1, 2, 3, 4]))
  const x = net.relu(net.gemm(net.input('x', ['batch', 6]), 6, 9))
  const y = net.op('Add', [net.gemm(x, 9, 4), one])
  const { pruned } = await checkPruning(net.output(net.op('Mul', [y, one]), 2).done())
  expect([...pruned.graph.initializers.keys()].filter((name) => name.startsWith('vector')).length).toBe(1)
})

test('an embedding tied to the output layer', async () => {
  const net = new Net(54)
  const table = net.weight([20, 8])
  const embedded = net.op('Gather', [table, net.input('ids', ['batch', 6], 'int64')])
  const hidden = net.dense(net.op('Tanh', [net.dense(embedded, 8, 12)]), 12, 8)
  const logits = net.op('MatMul', [hidden, net.op('Transpose', [table], { perm: { ints: [1, 0] } })])
  const { dependencies } = await checkPruning(net.output(logits, 3).done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([8, 12])
})
