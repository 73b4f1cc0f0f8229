import { expect, test } from 'vitest'
import { Tensor } from '../../../../src/engine/onnx'
import { checkPruning } from './check'
import { Net } from './build'

const shuffle = (net: Net, x: string, channels: number, groups: number, side: number, batch = -1): string => {
  const wide = net.op('Reshape', [x, net.ints([batch, groups, channels / groups, side, side])])
  const turned = net.op('Transpose', [wide], { perm: { ints: [0, 2, 1, 3, 4] } })
  return net.op('Reshape', [turned, net.ints([batch, channels, side, side])])
}

test.each([11, 18])('split, two branches, concat, shuffle (ShuffleNet V2), opset %i', async (opset) => {
  const net = new Net(8, opset)
  let x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 16, 3)
  for (let block = 0; block < 2; block++) {
    const [kept, worked] =
      opset < 13
        ? net.ops('Split', [x], { axis: { int: 1 }, split: { ints: [8, 8] } }, 2)
        : net.ops('Split', [x], { axis: { int: 1 }, num_outputs: { int: 2 } }, 2)
    const inner = net.cbr(
      net.norm(net.conv(net.cbr(worked!, 8, 8, 1), 8, 8, 3, { group: 8, bias: false }), 8),
      8,
      8,
      1,
    )
    x = shuffle(net, net.op('Concat', [kept!, inner], { axis: { int: 1 } }), 16, 2, 8)
  }
  const { dependencies, removed } = await checkPruning(net.head(net.cbr(x, 16, 12, 1), 12).done())
  expect(dependencies.groups.length).toBeGreaterThanOrEqual(3)
  expect(removed.size).toBeGreaterThan(8)
})

test('slices instead of a split', async () => {
  for (const opset of [9, 18]) {
    const net = new Net(9, opset)
    const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 10, 3)
    const part = (from: number, to: number): string =>
      opset < 10
        ? net.op('Slice', [x], { axes: { ints: [1] }, starts: { ints: [from] }, ends: { ints: [to] } })
        : net.op('Slice', [x, net.ints([from]), net.ints([to]), net.ints([1])])
    const joined = net.op('Concat', [net.cbr(part(0, 4), 4, 6, 3), part(4, 2 ** 31 - 1)], {
      axis: { int: 1 },
    })
    const { dependencies } = await checkPruning(net.head(net.cbr(joined, 12, 8, 1), 8).done())
    expect(dependencies.groups.map((group) => group.units.length).sort((a, b) => a - b)).toEqual([4, 6, 6, 8])
  }
})

test('grouped convolutions around a shuffle (ShuffleNet V1), static batch', async () => {
  const net = new Net(10, 9)
  const groups = 3
  let x = net.cbr(net.input('x', [1, 3, 8, 8]), 3, 24, 3)
  for (let block = 0; block < 2; block++) {
    const mixed = shuffle(net, net.cbr(x, 24, 24, 1, { group: groups }), 24, groups, 8, 1)
    const deep = net.norm(net.conv(mixed, 24, 24, 3, { group: 24, bias: false }), 24)
    const out = net.norm(net.conv(deep, 24, 24, 1, { group: groups, bias: false }), 24)
    x = net.relu(net.op('Add', [x, out]))
  }
  const { dependencies, removed } = await checkPruning(net.head(x, 24).done(), { batches: [1], share: 0.4 })
  expect(dependencies.groups.length).toBeGreaterThanOrEqual(3)
  expect(removed.size).toBeGreaterThanOrEqual(4)
})

test('a permutation by Gather', async () => {
  const net = new Net(11)
  const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 6, 3)
  const turned = net.op('Gather', [x, net.ints([5, 3, 1, 0, 2, 4])], { axis: { int: 1 } })
  await checkPruning(net.head(net.cbr(turned, 6, 8, 3), 8).done())
})

test('depth to space and back', async () => {
  for (const mode of ['DCR', 'CRD']) {
    const net = new Net(12)
    const x = net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 24, 3)
    const large = net.cbr(net.op('DepthToSpace', [x], { blocksize: { int: 2 }, mode }), 6, 6, 3)
    const small = net.op('SpaceToDepth', [large], { blocksize: { int: 2 } })
    const { dependencies } = await checkPruning(net.head(net.cbr(small, 24, 8, 1), 8).done())
    expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`).sort()).toEqual([
      '6x1',
      '6x4',
      '8x1',
    ])
  }
})

test('pixel shuffle as reshapes carries the outer factor', async () => {
  const net = new Net(13)
  const x = net.cbr(net.input('x', ['batch', 3, 4, 4]), 3, 16, 3)
  const wide = net.op('Reshape', [x, net.ints([-1, 4, 2, 2, 4, 4])])
  const large = net.op('Reshape', [
    net.op('Transpose', [wide], { perm: { ints: [0, 1, 4, 2, 5, 3] } }),
    net.ints([0, 4, 8, 8]),
  ])
  const { dependencies } = await checkPruning(net.head(net.cbr(large, 4, 8, 3), 8).done())
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`)).toEqual(['4x4', '8x1'])
})

test('einsum, running sums, repeats and picks by element', async () => {
  const net = new Net(14)
  const x = net.cbr(net.input('x', [1, 3, 8, 8]), 3, 8, 3)
  const mixed = net.op('Einsum', [x, net.weight([6, 8])], { equation: 'nchw,oc->nohw' })
  const again = net.cbr(mixed, 6, 6, 1)
  const summed = net.op('CumSum', [again, net.constant('axis', Tensor.int64([-1], []))])
  const twice = net.op('Tile', [summed, net.ints([1, 2, 1, 1])])
  const places = Tensor.int64(
    Array.from({ length: 12 * 64 }, (_, i) => (i * 5) % 8),
    [1, 12, 8, 8],
  )
  const picked = net.op('GatherElements', [twice, net.constant('places', places)], { axis: { int: 3 } })
  const { dependencies } = await checkPruning(net.head(net.cbr(picked, 12, 10, 1), 10).done(), {
    batches: [1],
  })
  expect(dependencies.groups.map((group) => `${group.units.length}x${group.width}`).sort()).toEqual([
    '10x1',
    '6x1',
    '8x1',
  ])
})
