/** Each old operator set against each newer one: ONNX Runtime gives the same outputs before and after. */
import { describe, expect, test } from 'vitest'
import {
  decodeModel,
  encodeModel,
  Graph,
  Model,
  Node,
  raiseOpset,
  readModel,
  Tensor,
  type AttributeInput,
} from '../../../src/engine/onnx'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import { randomFeeds, traceShapes, workingFeeds } from '../../../src/engine/runtime'
import { hasReference, reference, REFERENCE_MODELS } from '../../reference'

interface Case {
  op: string
  /** The operator set the node is written for. */
  opset: number
  x?: number[]
  attributes?: Record<string, AttributeInput>
  /** Constants after the first input. */
  constants?: Tensor[]
  outputs?: number
  /** The newest operator set for which ONNX Runtime has a kernel, where it is not the newest there is. */
  upTo?: number
}

const ints = (...values: number[]): AttributeInput => ({ ints: values })
const int = (value: number): AttributeInput => ({ int: value })
const f32 = (dims: number[], values: number[]): Tensor => Tensor.float32(dims, values)

const CASES: readonly Case[] = [
  { op: 'Squeeze', opset: 7, x: [1, 3, 1, 2], attributes: { axes: ints(0, 2) } },
  { op: 'Squeeze', opset: 11, x: [1, 3, 1, 2], attributes: { axes: ints(-2) } },
  { op: 'Squeeze', opset: 7, x: [1, 3, 1, 2] },
  { op: 'Unsqueeze', opset: 7, x: [3, 2], attributes: { axes: ints(0, 2) } },
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSumExp',
    'ReduceSumSquare',
  ].flatMap((op): Case[] => [
    { op, opset: 7, x: [2, 3, 4], attributes: { axes: ints(1, 2), keepdims: int(0) } },
    { op, opset: 11, x: [2, 3, 4], attributes: { axes: ints(-1) } },
    { op, opset: 7, x: [2, 3, 4] },
  ]),
  { op: 'ReduceMean', opset: 13, x: [2, 3, 4], attributes: { axes: ints(1) } },
  { op: 'Clip', opset: 7, x: [9], attributes: { min: { float: -0.5 }, max: { float: 0.25 } } },
  { op: 'Clip', opset: 7, x: [9], attributes: { max: { float: 0.25 } } },
  { op: 'Clip', opset: 10, x: [9] },
  { op: 'Pad', opset: 7, x: [2, 3], attributes: { pads: ints(0, 1, 2, 0), value: { float: 1.5 } } },
  { op: 'Pad', opset: 9, x: [2, 3], attributes: { pads: ints(0, 1, 0, 2), mode: 'reflect' } },
  {
    op: 'Slice',
    opset: 7,
    x: [4, 5],
    attributes: { starts: ints(1, -3), ends: ints(3, 99), axes: ints(0, 1) },
  },
  { op: 'Slice', opset: 7, x: [4, 5], attributes: { starts: ints(1), ends: ints(3) } },
  { op: 'Split', opset: 7, x: [4, 6], attributes: { axis: int(1), split: ints(1, 5) }, outputs: 2 },
  { op: 'Split', opset: 7, x: [4, 6], attributes: { axis: int(1) }, outputs: 3 },
  { op: 'Split', opset: 13, x: [4, 6], attributes: { axis: int(0) }, outputs: 2 },
  { op: 'Dropout', opset: 7, x: [5], attributes: { ratio: { float: 0.3 } } },
  { op: 'Dropout', opset: 10, x: [5] },
  { op: 'TopK', opset: 7, x: [3, 8], attributes: { k: int(3) }, outputs: 2 },
  { op: 'Upsample', opset: 7, x: [1, 2, 3, 3], attributes: { scales: { floats: [1, 1, 2, 3] } } },
  {
    op: 'Upsample',
    opset: 7,
    x: [1, 2, 3, 3],
    attributes: { scales: { floats: [1, 1, 2, 2] }, mode: 'linear' },
  },
  { op: 'Upsample', opset: 9, x: [1, 2, 3, 3], constants: [f32([4], [1, 1, 2, 2])] },
  { op: 'Resize', opset: 10, x: [1, 2, 6, 6], constants: [f32([4], [1, 1, 0.5, 0.5])] },
  { op: 'Resize', opset: 10, x: [1, 2, 6, 6], constants: [f32([4], [1, 1, 1.5, 2.5])] },
  {
    op: 'Resize',
    opset: 10,
    x: [1, 2, 6, 6],
    constants: [f32([4], [1, 1, 0.4, 1.7])],
    attributes: { mode: 'linear' },
  },
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op): Case[] => [
    { op, opset: 7, x: [2, 3, 4] },
    { op, opset: 7, x: [2, 3, 4], attributes: { axis: int(2) } },
    { op, opset: 11, x: [2, 3, 4], attributes: { axis: int(0) } },
    { op, opset: 11, x: [2, 3, 4], attributes: { axis: int(-2) } },
    { op, opset: 7, x: [5, 4] },
  ]),
  {
    op: 'BatchNormalization',
    opset: 7,
    x: [2, 3, 4],
    attributes: { momentum: { float: 0.8 } },
    constants: [
      [1, 2, 3],
      [0, 1, 2],
      [0.5, 0, -1],
      [1, 2, 3],
    ].map((values) => f32([3], values)),
  },
  { op: 'Scatter', opset: 9, x: [3, 3], constants: [Tensor.int64([0, 2], [1, 2]), f32([1, 2], [7, 8])] },
  {
    op: 'RoiAlign',
    opset: 10,
    upTo: 21,
    x: [1, 1, 8, 8],
    constants: [f32([1, 4], [0, 0, 5, 6]), Tensor.int64([0])],
    attributes: { output_height: int(3), output_width: int(3) },
  },
  {
    op: 'GridSample',
    opset: 16,
    x: [1, 1, 4, 4],
    constants: [f32([1, 1, 2, 2], [0.1, 0.2, -0.5, 0.7])],
    attributes: { mode: 'bicubic' },
  },
  { op: 'GridSample', opset: 16, x: [1, 1, 4, 4], constants: [f32([1, 1, 2, 2], [0.1, 0.2, -0.5, 0.7])] },
  {
    op: 'GroupNormalization',
    opset: 18,
    x: [2, 6, 3],
    constants: [f32([3], [1, 2, 3]), f32([3], [0, 1, 2])],
    attributes: { num_groups: int(3) },
  },
  { op: 'DFT', opset: 17, x: [1, 8, 3, 2], attributes: { axis: int(2) } },
  { op: 'Gemm', opset: 7, x: [2, 3], constants: [f32([3, 2], [1, 2, 3, 4, 5, 6]), f32([2], [1, 2])] },
  { op: 'Flatten', opset: 7, x: [2, 3, 4], attributes: { axis: int(2) } },
]

function build(
  { op, opset, x = [3], attributes, constants = [], outputs = 1 }: Case,
  declared = true,
): Model {
  const model = new Model()
  model.irVersion = 4
  model.opsets.set('', opset)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: x }]
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`)
  graph.outputs = names.map((name) => ({ name }))
  constants.forEach((tensor, i) => graph.initializers.set(`c${i}`, tensor))
  const first = declared ? 'x' : 'same'
  if (!declared) graph.addNode({ opType: 'Identity', inputs: ['x'], outputs: ['same'] })
  graph.addNode({
    opType: op,
    inputs: [first, ...constants.map((_, i) => `c${i}`)],
    outputs: names,
    attributes,
  })
  return model
}

describe('raiseOpset', () => {
  test.each(CASES)('$op $opset $attributes', async (one) => {
    for (const declared of [true, false]) {
      const model = build(one, declared)
      const feeds = randomFeeds(model, { seed: 2 })
      for (const to of [11, 13, 18, 21, 25].filter((version) => version <= (one.upTo ?? 25))) {
        const lifted = raiseOpset(model, to)
        if (to <= one.opset) expect(lifted).toBe(model)
        expect(lifted.opset).toBe(Math.max(to, one.opset))
        const { relative } = await compareOutputs(model, decodeModel(encodeModel(lifted)), feeds)
        expect(relative, `to ${to}`).toBeLessThan(1e-6)
      }
    }
  })

  test('with the rank known, Softmax on the last axis needs no reshape', () => {
    const model = build({ op: 'Softmax', opset: 7, x: [5, 4] })
    expect(raiseOpset(model, 13).graph.nodes.map(({ opType }) => opType)).toEqual(['Softmax'])
    const undeclared = build({ op: 'Softmax', opset: 7, x: [5, 4] }, false)
    expect(raiseOpset(undeclared, 13).graph.nodes).toHaveLength(5)
    expect(raiseOpset(undeclared, 13, () => 2).graph.nodes).toHaveLength(2)
  })

  test('inner graphs are lifted, with names unique in the whole model', async () => {
    const model = new Model()
    model.irVersion = 4
    model.opsets.set('', 11)
    model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: [2, 1, 3] }]
    model.graph.outputs = [{ name: 'y' }]
    model.graph.initializers.set('yes', Tensor.of('bool', [], [1]))
    const branch = (name: string): Graph => {
      const inner = new Graph()
      inner.name = name
      inner.nodes = [
        new Node({ opType: 'Squeeze', inputs: ['x'], outputs: [name], attributes: { axes: ints(1) } }),
      ]
      inner.outputs = [{ name, dtype: 'float32' }]
      return inner
    }
    model.graph.addNode({
      opType: 'If',
      inputs: ['yes'],
      outputs: ['y'],
      attributes: {
        then_branch: { type: 'graph', value: branch('a') },
        else_branch: { type: 'graph', value: branch('b') },
      },
    })
    const lifted = raiseOpset(model, 21)
    const names = [...lifted.graphs()].flatMap((graph) => [...graph.initializers.keys()])
    expect(new Set(names).size).toBe(names.length)
    expect((await compareOutputs(model, lifted, randomFeeds(model))).relative).toBe(0)
  })

  test.each<[string, Case]>([
    ['Scan', { op: 'Scan', opset: 8 }],
    ['BatchNormalization', { op: 'BatchNormalization', opset: 7, attributes: { spatial: int(0) } }],
    ['ImageScaler', { op: 'ImageScaler', opset: 8 }],
    ['Resize', { op: 'Resize', opset: 10, constants: [f32([2], [0.5, 2])] }],
  ])('%s that cannot be lifted is named', (op, one) => {
    expect(() => raiseOpset(build(one), 21)).toThrow(
      expect.objectContaining({ code: 'model/unsupported-op', data: expect.objectContaining({ op }) }),
    )
  })

  test('what is below 7 or above the newest is refused', () => {
    expect(() => raiseOpset(build({ op: 'Add', opset: 6 }), 13)).toThrow(
      expect.objectContaining({ code: 'model/opset-too-old' }),
    )
    expect(() => raiseOpset(build({ op: 'Relu', opset: 9 }), 99)).toThrow(RangeError)
  })

  test.runIf(hasReference).each(REFERENCE_MODELS)('%s at operator sets 21 and 25', async (name) => {
    const model = readModel(reference('models', `${name}.onnx`))
    const ranks = await traceShapes(model)
    for (const to of [21, 25]) {
      const lifted = raiseOpset(model, to, (value) => ranks.get(value)?.dims.length)
      expect((await compareOutputs(model, lifted, await workingFeeds(model))).relative).toBe(0)
    }
  })
})
