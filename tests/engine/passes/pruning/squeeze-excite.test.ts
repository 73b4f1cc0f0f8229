import { expect, test } from 'vitest'
import { checkPruning } from './check'
import { Net } from './build'

test('the gate of a squeeze-excite block follows the channels it gates', async () => {
  const net = new Net(30)
  let x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 12, 3)
  const pooled = net.op('GlobalAveragePool', [x])
  const gate = net.op('Sigmoid', [net.conv(net.relu(net.conv(pooled, 12, 4, 1)), 4, 12, 1)])
  x = net.cbr(net.op('Mul', [x, gate]), 12, 8, 3)
  const { dependencies } = await checkPruning(net.head(x, 8).done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([4, 8, 12])
})

test('the gate made by dense layers between squeeze and unsqueeze', async () => {
  const net = new Net(31)
  let x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 12, 3)
  const pooled = net.op('ReduceMean', [x, net.ints([2, 3])], { keepdims: { int: 0 } })
  const small = net.op('Sigmoid', [net.gemm(net.relu(net.gemm(pooled, 12, 4)), 4, 12)])
  const gate = net.op('Unsqueeze', [small, net.ints([2, 3])])
  x = net.cbr(net.op('Mul', [x, gate]), 12, 8, 3)
  const flat = net.op('Squeeze', [net.op('GlobalAveragePool', [x]), net.ints([2, 3])])
  const { dependencies } = await checkPruning(net.output(net.gemm(flat, 8, 5), 2).done())
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([4, 8, 12])
})

test('instance normalization, resize and a decoder with skip connections', async () => {
  const net = new Net(32)
  const x = net.input('x', ['batch', 3, 16, 16])
  const inst = (v: string, channels: number): string =>
    net.relu(
      net.op('InstanceNormalization', [
        v,
        net.weight([channels], 'g', 0.3, 1),
        net.weight([channels], 'b', 0.3),
      ]),
    )
  const first = inst(net.conv(x, 3, 6, 3), 6)
  const down = inst(net.conv(first, 6, 10, 3, { stride: 2 }), 10)
  const sizes = net.ints([1, 10, 16, 16])
  const up = net.op('Resize', [down, '', '', sizes], { mode: 'nearest' })
  const joined = net.op('Concat', [up, first], { axis: { int: 1 } })
  const out = net.conv(inst(net.conv(joined, 16, 8, 3), 8), 8, 2, 1)
  net.model.graph.inputs[0]!.dims = [1, 3, 16, 16]
  const { dependencies } = await checkPruning(net.output(out, 4).done(), { batches: [1] })
  expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([6, 8, 10])
})
