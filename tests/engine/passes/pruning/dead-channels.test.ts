/** Channels that are zero everywhere cost nothing to lose: what is left must answer as the whole model did. */
import { describe, expect, test } from 'vitest'
import { Tensor, type Dim, type Model } from '../../../../src/engine/onnx'
import { pruneChannels } from '../../../../src/engine/passes/prune-channels'
import { Net } from './build'
import { expectSame, weightCount } from './check'
import { contextFor } from './context'

/** Zeros along one axis of a constant. */
function kill({ graph }: Model, name: string, axis: number, dead: readonly number[]): void {
  const { dims, ...tensor } = graph.initializers.get(name)!
  const values = graph.initializers.get(name)!.floats().slice()
  const inner = dims.slice(axis + 1).reduce((n, d) => n * d, 1)
  for (let i = 0; i < values.length; i++)
    if (dead.includes(Math.floor(i / inner) % dims[axis]!)) values[i] = 0
  graph.initializers.set(name, Tensor.of(tensor.dtype, dims, values))
}

class DeadNet extends Net {
  killed = 0

  /** A convolution some of whose output channels are zero; each counts as `units`. */
  half(
    x: string,
    from: number,
    to: number,
    k: number,
    dead: readonly number[],
    more: { group?: number; stride?: number; units?: number } = {},
  ): string {
    const y = this.conv(x, from, to, k, more)
    const [, w, b] = this.model.graph.nodes.at(-1)!.inputs as [string, string, string]
    kill(this.model, w, 0, dead)
    kill(this.model, b, 0, dead)
    this.killed += more.units ?? dead.length
    return this.relu(y)
  }

  image(dims: readonly Dim[] = ['batch', 3, 10, 10]): string {
    return this.input('x', dims)
  }
}

const DEAD = [1, 2, 5, 7, 11, 12]

/** Each ends in one head, whose inputs are the last group. */
const NETS: Record<string, (net: DeadNet) => string> = {
  'depthwise, then pointwise': (net) =>
    net.conv(
      net.half(net.half(net.image(), 3, 16, 3, DEAD), 16, 16, 3, DEAD, { group: 16, units: 0 }),
      16,
      9,
      1,
    ),
  'depthwise of stride 2 with two outputs a channel': (net) => {
    const x = net.half(net.image(), 3, 7, 3, [0, 3, 4])
    return net.conv(net.half(x, 7, 14, 3, [0, 1, 6, 7, 8, 9], { group: 7, stride: 2, units: 0 }), 14, 5, 1)
  },
  'depthwise with three outputs a channel, fixed batch': (net) => {
    const x = net.half(net.image([2, 3, 10, 10]), 3, 5, 1, [4])
    return net.conv(net.half(x, 5, 15, 5, [12, 13, 14], { group: 5, units: 0 }), 15, 6, 1)
  },
  'two depthwise convolutions in a row': (net) => {
    const x = net.half(net.image(), 3, 13, 3, [2, 3, 9, 12])
    const y = net.half(x, 13, 13, 3, [2, 3, 9, 12], { group: 13, units: 0 })
    return net.conv(net.half(y, 13, 13, 3, [2, 3, 9, 12], { group: 13, units: 0 }), 13, 4, 1)
  },
  'grouped, as many of each group': (net) => {
    const x = net.half(net.image(), 3, 12, 3, [1, 5, 9], { units: 1 })
    return net.conv(net.half(x, 12, 18, 3, [0, 3, 6, 9, 12, 15], { group: 3, units: 2 }), 18, 5, 1)
  },
  'joined and split again': (net) => {
    const x = net.image()
    const joined = net.op('Concat', [net.half(x, 3, 5, 3, [0, 4]), net.half(x, 3, 9, 1, [1, 3, 8])], {
      axis: { int: 1 },
    })
    const [a, b] = net.ops('Split', [joined, net.ints([6, 8])], { axis: { int: 1 } }, 2)
    return net.op('Add', [net.conv(a!, 6, 4, 3), net.conv(b!, 8, 4, 3)])
  },
  'a residual': (net) => {
    const x = net.half(net.image(), 3, 11, 3, [0, 6])
    return net.conv(net.op('Add', [x, net.half(x, 11, 11, 3, [0, 6], { units: 0 })]), 11, 5, 1)
  },
  'a shuffle': (net) => {
    const x = net.half(net.image(), 3, 12, 3, [2, 4, 8, 10], { units: 2 })
    const wide = net.op('Reshape', [x, net.ints([-1, 2, 6, 10, 10])])
    const turned = net.op('Transpose', [wide], { perm: { ints: [0, 2, 1, 3, 4] } })
    return net.conv(net.op('Reshape', [turned, net.ints([-1, 12, 10, 10])]), 12, 5, 3)
  },
  'channels padded with zeros of a known shape, as in BlazeFace': (net) => {
    const x = net.half(net.image([1, 3, 10, 10]), 3, 6, 3, [1, 4])
    const zeros = net.op('ConstantOfShape', [net.ints([1, 4, 10, 10])])
    const wide = net.op('Concat', [x, zeros], { axis: { int: 1 } })
    const y = net.half(x, 6, 10, 3, [1, 4, 7, 9])
    net.killed -= 2
    return net.conv(net.op('Add', [wide, y]), 10, 5, 1)
  },
  'channels padded by Pad': (net) => {
    const x = net.half(net.image(), 3, 6, 3, [1, 4])
    const wide = net.op('Pad', [x, net.ints([0, 1, 0, 0, 0, 2, 0, 0])])
    const y = net.half(x, 6, 9, 1, [2, 5, 8])
    net.killed -= 2
    return net.conv(net.op('Add', [wide, y]), 9, 5, 1)
  },
  'squeeze and excite': (net) => {
    const x = net.half(net.image(), 3, 10, 3, [0, 3, 9])
    const few = net.half(net.op('GlobalAveragePool', [x]), 10, 4, 1, [2])
    return net.conv(net.op('Mul', [x, net.op('Sigmoid', [net.conv(few, 4, 10, 1)])]), 10, 5, 1)
  },
  'a transposed convolution, plain and depthwise': (net) => {
    const x = net.half(net.image(), 3, 9, 3, [4, 5])
    const w = net.weight([9, 1, 2, 2])
    kill(net.model, w, 0, [4, 5])
    const deep = net.op('ConvTranspose', [x, w], {
      group: { int: 9 },
      strides: { ints: [2, 2] },
    })
    return net.op('ConvTranspose', [net.relu(deep), net.weight([9, 4, 2, 2])])
  },
  'features flattened for a classifier': (net) => {
    const x = net.half(net.image(['batch', 3, 6, 6]), 3, 7, 3, [2, 6], { stride: 2 })
    const flat = net.op('Flatten', [x])
    const hidden = net.op('Gemm', [flat, net.weight([63, 11]), net.weight([1, 11], 'b')])
    const name = net.model.graph.nodes.at(-1)!
    for (const [slot, axis] of [1, 2].map((i) => [i, 1] as const))
      kill(net.model, name.inputs[slot]!, axis, [0, 10])
    net.killed += 2
    const y = net.op('MatMul', [net.relu(hidden), net.weight([11, 4])])
    return net.op('Reshape', [y, net.ints([-1, 4, 1, 1])])
  },
  'a window over all axes, as TensorFlow writes them': (net) => {
    const x = net.half(net.image(), 3, 9, 3, [1, 2, 8])
    const far = 2 ** 31 - 1
    const ends = net.ints([far, far, far, 7])
    return net.conv(net.op('Slice', [x, net.ints([0, 0, 1, 0]), ends, net.ints([0, 1, 2, 3])]), 9, 5, 1)
  },
  'channels last in between': (net) => {
    const x = net.op('Transpose', [net.half(net.image(), 3, 7, 3, [0, 5])], { perm: { ints: [0, 2, 3, 1] } })
    const y = net.op('MatMul', [x, net.weight([7, 5])])
    return net.op('Transpose', [y], { perm: { ints: [0, 3, 1, 2] } })
  },
}

describe.each(Object.keys(NETS))('lossless: %s', (name) => {
  test.each(['obs', 'l2'])('%s', async (criterion) => {
    const net = new DeadNet(61)
    const model = net.output(NETS[name]!(net), 4).done()
    const fixed = typeof model.graph.inputs[0]!.dims![0] === 'number'
    const units = Number(/of (\d+)/.exec((await pruneAll(model)).summary)![1])
    const { model: pruned, summary } = await pruneChannels.run(
      model,
      { criterion, ratio: net.killed / units, keepAtLeast: 0 },
      contextFor(model, 48),
    )
    expect(summary).toContain(`Removed ${net.killed} of ${units} `)
    expect(weightCount(pruned)).toBeLessThan(weightCount(model))
    for (const batch of fixed ? [2] : [1, 3]) await expectSame(model, pruned, batch)
  })
})

const pruneAll = (model: Model): ReturnType<typeof pruneChannels.run> =>
  pruneChannels.run(
    model,
    { criterion: 'random', ratio: 0.95, keepAtLeast: 0, reconstruct: false },
    contextFor(model, 16),
  )
