import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import { encodedLength, Graph, Model, readModel, Tensor, type AttributeInput } from '../../../src/engine/onnx'
import type { PassContext } from '../../../src/engine/passes/pass'
import { simplifyPass } from '../../../src/engine/passes/simplify'
import { foldBatchNorm } from '../../../src/engine/layers/normalize/fold-batch-norm'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import { inspectModel } from '../../../src/engine/layers/costs/inspect'
import { traceShapes, withSession, workingFeeds } from '../../../src/engine/runtime'
import { hasReference, reference, REFERENCE_MODELS } from '../../reference'
import { findTarget } from '../../../src/engine/targets'

let scratch: string
beforeAll(() => void (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'simplify-'))))
afterAll(() => fs.rmSync(scratch, { recursive: true }))

const contextOf = (model: Model): PassContext => ({
  original: model,
  progress: () => undefined,
  signal: new AbortController().signal,
  random: seeded(0),
  scratch,
  providers: ['cpu'],
  target: findTarget('any'),
})

const random = seeded(7)
const noise = (...dims: number[]): Tensor =>
  Tensor.float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )
const workingNoise = (...dims: number[]): { dtype: 'float32'; dims: number[]; data: Float32Array } => ({
  dtype: 'float32',
  dims,
  data: noise(...dims).floats(),
})
const positive = (n: number): Tensor =>
  Tensor.float32(
    [n],
    Float32Array.from({ length: n }, () => 0.2 + random.next()),
  )

function build(x: (number | string)[]): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: x }]
  model.graph.outputs = [{ name: 'y' }]
  return model
}

function addNorm({ graph }: Model, input: string, channels: number): void {
  graph.initializers.set('gamma', noise(channels))
  graph.initializers.set('beta', noise(channels))
  graph.initializers.set('mean', noise(channels))
  graph.initializers.set('variance', positive(channels))
  graph.addNode({
    opType: 'BatchNormalization',
    inputs: [input, 'gamma', 'beta', 'mean', 'variance'],
    outputs: ['y'],
  })
}

interface Layer {
  op: string
  x: (number | string)[]
  w: number[]
  channels: number
  bias?: number[]
  attributes?: Record<string, AttributeInput>
  /** A bias added by a node of its own. */
  sum?: number[]
}

const LAYERS: readonly Layer[] = [
  { op: 'Conv', x: ['n', 3, 8, 8], w: [4, 3, 3, 3], channels: 4 },
  { op: 'Conv', x: ['n', 3, 8], w: [4, 3, 3], channels: 4, bias: [4] },
  { op: 'Conv', x: ['n', 4, 8, 8], w: [6, 2, 3, 3], channels: 6, attributes: { group: { int: 2 } } },
  { op: 'ConvTranspose', x: ['n', 3, 5, 5], w: [3, 4, 2, 2], channels: 4, bias: [4] },
  { op: 'ConvTranspose', x: ['n', 4, 5], w: [4, 3, 2], channels: 6, attributes: { group: { int: 2 } } },
  { op: 'Gemm', x: ['n', 5], w: [5, 4], channels: 4 },
  { op: 'Gemm', x: ['n', 5], w: [4, 5], channels: 4, bias: [4], attributes: { transB: { int: 1 } } },
  { op: 'Gemm', x: ['n', 5], w: [5, 4], channels: 4, bias: [1, 4] },
  { op: 'MatMul', x: ['n', 5], w: [5, 4], channels: 4 },
  { op: 'MatMul', x: ['n', 5], w: [5, 4], channels: 4, sum: [4] },
]

function layered({ op, x, w, channels, bias, attributes, sum }: Layer): Model {
  const model = build(x)
  const { graph } = model
  graph.initializers.set('w', noise(...w))
  if (bias) graph.initializers.set('b', noise(...bias))
  graph.addNode({ opType: op, inputs: ['x', 'w', ...(bias ? ['b'] : [])], outputs: ['h'], attributes })
  if (sum) {
    graph.initializers.set('s', noise(...sum))
    graph.addNode({ opType: 'Add', inputs: ['s', 'h'], outputs: ['i'] })
  }
  addNorm(model, sum ? 'i' : 'h', channels)
  return model
}

const folds = async (model: Model): Promise<{ folded: string[]; relative: number; model: Model }> => {
  const traced = await traceShapes(model)
  const after = model.clone()
  const folded = foldBatchNorm(after.graph, (value) => traced.get(value)?.dims.length)
  const { relative } = await compareOutputs(model, after, await workingFeeds(model, { batch: 3 }))
  return { folded, relative, model: after }
}

describe('folding batch normalization', () => {
  test.each(LAYERS)('$op $w bias $bias $sum $attributes', async (layer) => {
    const { folded, relative, model } = await folds(layered(layer))
    expect(folded).toEqual(['y'])
    expect(model.graph.nodes.some((node) => node.is('BatchNormalization'))).toBe(false)
    expect(relative).toBeLessThan(1e-5)
  })

  test('a weight that another layer reads keeps its values there', async () => {
    const model = layered(LAYERS[0]!)
    model.graph.addNode({ opType: 'Conv', inputs: ['x', 'w'], outputs: ['z'] })
    model.graph.outputs.push({ name: 'z' })
    const { folded, relative } = await folds(model)
    expect(folded).toEqual(['y'])
    expect(relative).toBeLessThan(1e-5)
  })

  test('left alone: the layer is read by others, the channel is not the last axis, alpha is set', async () => {
    const read = layered(LAYERS[0]!)
    read.graph.outputs.push({ name: 'h' })
    const threeAxes = layered({ op: 'MatMul', x: ['n', 4, 5], w: [5, 4], channels: 4 })
    const alpha = layered({
      op: 'Gemm',
      x: ['n', 5],
      w: [5, 4],
      channels: 4,
      attributes: { alpha: { float: 2 } },
    })
    for (const model of [read, threeAxes, alpha]) {
      const { folded, relative } = await folds(model)
      expect(folded).toEqual([])
      expect(relative).toBe(0)
    }
  })
})

/** Everything there is to tidy in one graph. */
function untidy(): Model {
  const model = build(['batch', 64])
  const { graph } = model
  const w = noise(64, 64)
  graph.initializers.set('w1', w)
  graph.initializers.set('w2', Tensor.fromBytes('float32', [64, 64], w.bytes().slice()))
  graph.initializers.set('nobody', noise(9))
  graph.addNode({
    opType: 'Constant',
    inputs: [],
    outputs: ['half'],
    attributes: { value_float: { float: 0.5 } },
  })
  graph.addNode({ opType: 'Identity', inputs: ['x'], outputs: ['x1'] })
  graph.addNode({ opType: 'MatMul', inputs: ['x1', 'w1'], outputs: ['a'] })
  graph.addNode({ opType: 'Dropout', inputs: ['a', 'half'], outputs: ['a1', 'mask'] })
  graph.addNode({ opType: 'MatMul', inputs: ['a1', 'w2'], outputs: ['b'] })
  graph.addNode({ opType: 'Mul', inputs: ['b', 'half'], outputs: ['c'] })
  graph.addNode({ opType: 'Identity', inputs: ['c'], outputs: ['y'] })
  graph.addNode({ opType: 'Relu', inputs: ['x'], outputs: ['unused'] })
  model.opsets.set('com.example', 1)
  const field = (number: number, text: string): Uint8Array =>
    Uint8Array.from([(number << 3) | 2, text.length, ...Buffer.from(text)])
  graph.nodes[2]!.unknown = [field(6, 'File "/home/someone/net.py", line 3'), field(8, 'overload')]
  model.metadata.set('names', 'cat,dog')
  model.metadata.set('trace', 'File "/home/someone/net.py", line 3')
  return model
}

describe('simplify', () => {
  test('tidies everything and changes no output', async () => {
    const model = untidy()
    const { model: after, summary } = await simplifyPass.run(model, { runtime: false }, contextOf(model))
    expect(after.graph.nodes.map(({ opType }) => opType)).toEqual(['MatMul', 'MatMul', 'Mul'])
    expect([...after.graph.initializers.keys()].sort()).toEqual(['half', 'w1'])
    expect(after.graph.outputs[0]!.name).toBe('y')
    expect([...after.opsets.keys()]).toEqual([''])
    expect(after.metadata).toEqual(new Map([['names', 'cat,dog']]))
    expect(after.graph.nodes[0]!.unknown).toHaveLength(1)
    expect((await compareOutputs(model, after, await workingFeeds(model))).relative).toBe(0)
    expect(summary).toMatch(
      /8 → 3 nodes, [\d.]+ kB → [\d.]+ kB: .*1 Constant node turned.*16\.4 kB of weights stored once/,
    )
    expect(model.graph.nodes).toHaveLength(8)
  })

  test('an Identity between two outputs or from an input stays', async () => {
    const model = build(['batch', 4])
    model.graph.outputs = [{ name: 'y' }, { name: 'z' }, { name: 'x1' }]
    model.graph.addNode({ opType: 'Relu', inputs: ['x'], outputs: ['y'] })
    model.graph.addNode({ opType: 'Identity', inputs: ['y'], outputs: ['z'] })
    model.graph.addNode({ opType: 'Identity', inputs: ['x'], outputs: ['x1'] })
    const { model: after } = await simplifyPass.run(model, { runtime: false }, contextOf(model))
    expect(after.graph.nodes).toHaveLength(3)
    expect((await compareOutputs(model, after, await workingFeeds(model))).relative).toBe(0)
  })

  test("what ONNX Runtime's own edits cannot take is done without them", async () => {
    const model = new Model()
    const { graph } = model
    model.opsets.set('', 17)
    graph.inputs.push({ name: 'x', dtype: 'float32', dims: ['n', 3] })
    graph.outputs.push({ name: 'y', dtype: 'float32', dims: ['n', 3] })
    graph.initializers.set('yes', Tensor.of('bool', [], [1]))
    graph.initializers.set('stop', Tensor.of('float32', [], [3]))
    graph.initializers.set('step', Tensor.of('float32', [], [1]))
    // The branch that is taken gives a vector of one element, which Range takes when it runs and not when it is checked.
    const branch = (dims: number[]): AttributeInput => {
      const inner = new Graph()
      const value = Tensor.of('float32', dims, [0])
      inner.addNode({
        opType: 'Constant',
        inputs: [],
        outputs: [`start_${dims.length}`],
        attributes: { value: { type: 'tensor', value } },
      })
      inner.outputs.push({ name: `start_${dims.length}`, dtype: 'float32', dims })
      return { type: 'graph', value: inner }
    }
    const branches = { then_branch: branch([1]), else_branch: branch([]) }
    graph.addNode({ opType: 'If', inputs: ['yes'], outputs: ['from'], attributes: branches })
    graph.addNode({ opType: 'Range', inputs: ['from', 'stop', 'step'], outputs: ['row'] })
    graph.addNode({ opType: 'Add', inputs: ['x', 'row'], outputs: ['sum'] })
    graph.addNode({ opType: 'Identity', inputs: ['sum'], outputs: ['y'] })
    const x = { dtype: 'float32' as const, dims: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }
    await expect(
      withSession(model, { optimization: 'basic' }, () => Promise.resolve()),
    ).rejects.toMatchObject({
      code: 'model/not-loadable',
    })
    const batches = async function* () {
      yield { indices: [0, 1], inputs: { x } }
    }
    const split = { name: 'calibration' as const, length: 2, origin: 'given' as const, batches }
    const data = { splits: { calibration: split } } as unknown as NonNullable<PassContext['data']>
    const result = await simplifyPass.run(model, {}, { ...contextOf(model), data })
    expect(result.model.graph.nodes.some((node) => node.is('Identity'))).toBe(false)
    expect(result.skipped).toEqual([
      { layer: '', reason: expect.stringContaining("ONNX Runtime's own edits fail") as string },
    ])
    expect((await compareOutputs(model, result.model, { x })).relative).toBe(0)
  })

  test('constants that ONNX Runtime makes are in the way of none that it makes on loading', async () => {
    const model = new Model()
    const { graph } = model
    model.opsets.set('', 17)
    const dense = (at: number, from: string): string => {
      graph.initializers.set(`w${at}`, noise(8, 8))
      graph.initializers.set(`b${at}`, noise(8))
      graph.addNode({ opType: 'MatMul', inputs: [from, `w${at}`], outputs: [`product${at}`] })
      graph.addNode({ opType: 'Add', inputs: [`product${at}`, `b${at}`], outputs: [`sum${at}`] })
      return `sum${at}`
    }
    graph.inputs.push({ name: 'x', dtype: 'float32', dims: [2, 3, 8] })
    const first = dense(0, 'x')
    graph.outputs.push({ name: first, dtype: 'float32', dims: [2, 3, 8] })
    const { model: after } = await simplifyPass.run(model, {}, contextOf(model))
    expect(after.graph.nodes.map(({ opType }) => opType)).toEqual(['Reshape', 'Gemm', 'Reshape'])
    const names = model.graph.names()
    const made = [...after.graph.initializers.keys()].filter((name) => !names.has(name))
    expect(made.length).toBeGreaterThan(0)
    expect(made.filter((name) => !name.endsWith('/made'))).toEqual([])
    const second = await simplifyPass.run(after, {}, contextOf(after))
    expect([...second.model.graph.initializers.keys()].sort()).toEqual(
      [...after.graph.initializers.keys()].sort(),
    )
  })

  test('what is folded in several bodies alike is stored once', async () => {
    const model = new Model()
    const { graph } = model
    model.opsets.set('', 17)
    graph.inputs.push({ name: 'x', dtype: 'float32', dims: ['n', 64] })
    graph.inputs.push({ name: 'use', dtype: 'bool', dims: [] })
    graph.outputs.push({ name: 'y', dtype: 'float32', dims: ['n', 64] })
    graph.initializers.set('w', noise(64, 64))
    // Each branch turns the weight for itself, as exporters reorder the gates of an LSTM.
    const branch = (name: string, last: string): AttributeInput => {
      const inner = new Graph()
      inner.addNode({ opType: 'Transpose', inputs: ['w'], outputs: [`${name}_turned`] })
      inner.addNode({ opType: 'MatMul', inputs: ['x', `${name}_turned`], outputs: [`${name}_product`] })
      inner.addNode({ opType: last, inputs: [`${name}_product`], outputs: [name] })
      inner.outputs.push({ name, dtype: 'float32', dims: ['n', 64] })
      return { type: 'graph', value: inner }
    }
    const branches = { then_branch: branch('then', 'Relu'), else_branch: branch('else', 'Tanh') }
    graph.addNode({ opType: 'If', inputs: ['use'], outputs: ['y'], attributes: branches })
    const { model: after, skipped } = await simplifyPass.run(model, {}, contextOf(model))
    expect(skipped).toEqual([])
    expect([...after.graphs()].flatMap(({ nodes }) => nodes.map(({ opType }) => opType))).not.toContain(
      'Transpose',
    )
    expect(encodedLength(after)).toBeLessThan(1.2 * 4 * 64 * 64)
    for (const use of [0, 1]) {
      const flag = { dtype: 'bool' as const, dims: [], data: Uint8Array.of(use) }
      const { relative } = await compareOutputs(model, after, { x: workingNoise(3, 64), use: flag })
      expect(relative).toBeLessThan(1e-6)
    }
  })

  describe('assignments to slices', () => {
    /** y = x with `updates` written to a box of it, as indices of every element. */
    function assigned(box: [from: number, to: number][], order = 1): Model {
      const model = build([1, 4, 6, 5])
      const sizes = box.map(([from, to]) => to - from)
      const count = sizes.reduce((a, b) => a * b, 1)
      const indices = Array.from({ length: count }, (_, i) => {
        let rest = order > 0 ? i : count - 1 - i
        const at: number[] = []
        for (let axis = box.length - 1; axis >= 0; axis--) {
          at[axis] = box[axis]![0] + (rest % sizes[axis]!)
          rest = Math.floor(rest / sizes[axis]!)
        }
        return at
      })
      const tail = [1, 4, 6, 5].slice(box.length)
      model.graph.initializers.set('i', Tensor.int64(indices.flat(), [...sizes, box.length]))
      model.graph.initializers.set('u', noise(...sizes, ...tail))
      model.graph.addNode({ opType: 'Tanh', inputs: ['x'], outputs: ['h'] })
      model.graph.addNode({ opType: 'ScatterND', inputs: ['h', 'i', 'u'], outputs: ['y'] })
      return model
    }
    const whole = (n: number): [number, number] => [0, n]

    test.each([
      ['in the middle', [whole(1), whole(4), [2, 5], whole(5)], ['Tanh', 'Slice', 'Slice', 'Concat']],
      ['at the beginning', [whole(1), whole(4), [0, 3], whole(5)], ['Tanh', 'Slice', 'Concat']],
      ['at the end, rows whole', [whole(1), [2, 4]], ['Tanh', 'Slice', 'Concat']],
      ['with negative indices', [whole(1), whole(4), [-2, 0], whole(5)], ['Tanh', 'Slice', 'Concat']],
      ['of two axes', [whole(1), [1, 3], [2, 5], whole(5)], ['Tanh', 'ScatterND']],
    ] as [string, [number, number][], string[]][])('%s', async (_, box, ops) => {
      const model = assigned(box)
      const { model: after } = await simplifyPass.run(model, {}, contextOf(model))
      expect(after.graph.nodes.map(({ opType }) => opType).sort()).toEqual([...ops].sort())
      expect((await compareOutputs(model, after, await workingFeeds(model))).relative).toBe(0)
    })

    test('in another order, or where sizes are free, stay as they are', async () => {
      const turned = assigned([whole(1), whole(4), [2, 5], whole(5)], -1)
      const free = assigned([whole(1), whole(4), [2, 5], whole(5)])
      free.graph.inputs[0]!.dims = ['n', 4, 6, 5]
      for (const model of [turned, free]) {
        const { model: after } = await simplifyPass.run(model, {}, contextOf(model))
        expect(after.graph.nodes.map(({ opType }) => opType)).toContain('ScatterND')
      }
    })
  })

  test('a step that would change outputs is not done, and says so', async () => {
    // The bias drowns the products in float32 before the mean takes it away again; folded, nothing drowns.
    const model = layered({ ...LAYERS[1]!, bias: [4] })
    const all = (value: number): Tensor => Tensor.float32([4], [value, value, value, value])
    for (const [name, value] of [
      ['b', 1e8],
      ['mean', 1e8],
      ['gamma', 1],
      ['beta', 0],
      ['variance', 1],
    ] as const)
      model.graph.initializers.set(name, all(value))
    const { model: after, skipped } = await simplifyPass.run(model, { runtime: false }, contextOf(model))
    expect(after.graph.nodes.some((node) => node.is('BatchNormalization'))).toBe(true)
    expect(skipped![0]!.reason).toMatch(
      /^folding batch normalization would change the output y by .* so it was not done$/,
    )
  })

  test.runIf(hasReference).each(REFERENCE_MODELS)(
    '%s: same answers, plain operators, free sizes kept',
    async (name) => {
      const model = readModel(reference('models', `${name}.onnx`))
      const { model: after, skipped } = await simplifyPass.run(model, {}, contextOf(model))
      expect(skipped).toEqual([])
      expect(
        (await compareOutputs(model, after, await workingFeeds(model, { batch: 3 }), { optimization: 'all' }))
          .relative,
      ).toBeLessThan(1e-5)
      expect(after.graph.inputs.map(({ name, dims }) => [name, dims])).toEqual(
        model.graph.inputs.map(({ name, dims }) => [name, dims]),
      )
      expect([...after.opsets.keys()]).toEqual([''])
      expect(after.graph.nodes.some((node) => node.is('BatchNormalization', 'Identity', 'Constant'))).toBe(
        false,
      )
      expect(encodedLength(after)).toBeLessThanOrEqual(encodedLength(model))
      expect((await inspectModel(after)).issues.map(({ kind }) => kind)).not.toContain('private-metadata')
    },
  )

  test
    .runIf(hasReference)
    .each(['cnn1d.fp16', 'cnn1d.static_minmax_pc', 'lenet5.static_minmax_pc', 'mlp.static_minmax_pc'])(
    '%s, as other tools wrote them: sorted, not larger, the same answers',
    async (name) => {
      const model = readModel(reference('peer', `${name}.onnx`))
      const { model: after } = await simplifyPass.run(model, {}, contextOf(model))
      expect(encodedLength(after)).toBeLessThanOrEqual(encodedLength(model))
      const { relative } = await compareOutputs(model, after, await workingFeeds(model, { batch: 3 }))
      expect(relative).toBeLessThan(1e-4)
    },
  )
})

test('fused operators are written out only where asked', async () => {
  const model = new Model()
  model.opsets.set('', 18).set('com.microsoft', 1)
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['n', 6] }]
  graph.initializers.set('w', noise(4, 6)).set('b', noise(4))
  const domain = 'com.microsoft'
  const attributes = { transB: { int: 1 } }
  graph.addNode({ opType: 'FusedMatMul', domain, inputs: ['x', 'w'], outputs: ['h'], attributes })
  graph.addNode({ opType: 'BiasGelu', domain, inputs: ['h', 'b'], outputs: ['y'] })
  graph.outputs = [{ name: 'y', dtype: 'float32', dims: ['n', 4] }]
  const kept = await simplifyPass.run(model, {}, contextOf(model))
  expect(kept.model.graph.nodes.map(({ opType }) => opType)).toEqual(['FusedMatMul', 'BiasGelu'])
  const plain = await simplifyPass.run(model, { unfuse: true }, contextOf(model))
  expect(plain.summary).toContain('written out: 1 FusedMatMul, 1 BiasGelu')
  expect(plain.model.graph.nodes.every(({ domain }) => domain === '')).toBe(true)
  const feeds = await workingFeeds(model)
  expect((await compareOutputs(model, plain.model, feeds)).relative).toBeLessThan(1e-5)
})
