/** Graphs put together at random from the pieces the other files test one by one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeModel, encodeModel, type Model } from '../../../../src/engine/onnx'
import { checkPruning, weightCount } from './check'
import { Net } from './build'

const PIECES = [
  'conv',
  'strided',
  'residual',
  'projection',
  'dense',
  'inception',
  'split-shuffle',
  'depthwise',
  'multiplier',
  'grouped',
  'squeeze-excite',
  'permute',
  'pad',
  'pool',
  'prelu',
  'instance',
  'up-down',
  'shared',
  'slice',
] as const
type Piece = (typeof PIECES)[number]

interface State {
  x: string
  channels: number
  side: number
}

function grow(net: Net, piece: Piece, { x, channels: c, side }: State): State {
  const stay = (value: string): State => ({ x: value, channels: c, side })
  switch (piece) {
    case 'conv':
      return { x: net.cbr(x, c, 12, 3), channels: 12, side }
    case 'strided':
      return side < 4 ? stay(x) : { x: net.cbr(x, c, 8, 3, { stride: 2 }), channels: 8, side: side / 2 }
    case 'residual':
      return stay(net.relu(net.op('Add', [net.norm(net.conv(net.cbr(x, c, 6, 1), 6, c, 3), c), x])))
    case 'projection':
      return { x: net.op('Add', [net.cbr(x, c, 8, 3), net.conv(x, c, 8, 1)]), channels: 8, side }
    case 'dense':
      return {
        x: net.op('Concat', [x, net.cbr(net.norm(x, c), c, 4, 3)], { axis: { int: 1 } }),
        channels: c + 4,
        side,
      }
    case 'inception':
      return {
        x: net.op(
          'Concat',
          [
            net.cbr(x, c, 4, 1),
            net.cbr(net.cbr(x, c, 3, 1), 3, 4, 3),
            net.op('AveragePool', [x], { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } }),
          ],
          { axis: { int: 1 } },
        ),
        channels: c + 8,
        side,
      }
    case 'split-shuffle': {
      const [a, b] = net.ops('Split', [x, net.ints([c / 2, c / 2])], { axis: { int: 1 } }, 2)
      const joined = net.op('Concat', [a!, net.cbr(b!, c / 2, c / 2, 3)], { axis: { int: 1 } })
      const wide = net.op('Transpose', [net.op('Reshape', [joined, net.ints([0, 2, c / 2, side, side])])], {
        perm: { ints: [0, 2, 1, 3, 4] },
      })
      return stay(net.op('Reshape', [wide, net.ints([0, -1, side, side])]))
    }
    case 'depthwise':
      return stay(net.cbr(x, c, c, 3, { group: c }))
    case 'multiplier':
      return { x: net.cbr(net.cbr(x, c, c * 2, 3, { group: c }), c * 2, 8, 1), channels: 8, side }
    case 'grouped':
      return { x: net.cbr(x, c, 12, 3, { group: 2 }), channels: 12, side }
    case 'squeeze-excite':
      return stay(
        net.op('Mul', [
          x,
          net.op('Sigmoid', [
            net.conv(net.relu(net.conv(net.op('GlobalAveragePool', [x]), c, 3, 1)), 3, c, 1),
          ]),
        ]),
      )
    case 'permute':
      return stay(
        net.op('Gather', [x, net.ints(Array.from({ length: c }, (_, i) => (i * 5 + 3) % c))], {
          axis: { int: 1 },
        }),
      )
    case 'pad':
      return { x: net.op('Pad', [x, net.ints([0, 1, 0, 0, 0, 1, 0, 0])]), channels: c + 2, side }
    case 'pool':
      return side < 4
        ? stay(x)
        : {
            x: net.op('MaxPool', [x], { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }),
            channels: c,
            side: side / 2,
          }
    case 'prelu':
      return stay(net.op('PRelu', [x, net.weight([c, 1, 1], 'slope', 0.2)]))
    case 'instance':
      return stay(
        net.op('InstanceNormalization', [x, net.weight([c], 'g', 0.2, 1), net.weight([c], 'b', 0.2)]),
      )
    case 'up-down':
      return {
        x: net.conv(
          net.op('DepthToSpace', [net.conv(x, c, 16, 1)], { blocksize: { int: 2 }, mode: 'CRD' }),
          4,
          8,
          2,
          { stride: 2 },
        ),
        channels: 8,
        side: side + 1,
      }
    case 'shared': {
      const w = net.weight([c, c, 1, 1])
      return stay(net.relu(net.conv(net.relu(net.conv(x, c, c, 1, { w })), c, c, 1, { w })))
    }
    case 'slice':
      return { x: net.op('Slice', [x, net.ints([2]), net.ints([c]), net.ints([1])]), channels: c - 2, side }
  }
}

function assemble(pieces: readonly Piece[], flat: boolean, seed: number): Model {
  const net = new Net(seed)
  let state: State = { x: net.cbr(net.input('x', ['batch', 3, 8, 8]), 3, 8, 3), channels: 8, side: 8 }
  for (const piece of pieces) state = grow(net, piece, state)
  const { x, channels, side } = state
  if (!flat) return net.head(x, channels).done()
  return net
    .output(net.gemm(net.relu(net.gemm(net.op('Flatten', [x]), channels * side * side, 10)), 10, 4), 2)
    .done()
}

test('any graph of these pieces equals masking and is smaller', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.constantFrom(0.2, 0.5, 1),
      fc.integer({ min: 1, max: 1e6 }),
      async (pieces, flat, share, seed) => {
        const model = assemble(pieces, flat, seed)
        const { pruned, removed } = await checkPruning(model, { share, seed, batches: [2] })
        if (removed.size > 0) expect(weightCount(pruned)).toBeLessThan(weightCount(model))
        expect(weightCount(decodeModel(encodeModel(pruned)))).toBe(weightCount(pruned))
      },
    ),
    { numRuns: 60, seed: 20 },
  )
}, 60_000)
