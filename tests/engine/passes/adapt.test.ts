/** Passes that change what a model takes and gives: each result is run beside the original. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareOutputs } from '../../../src/engine/evaluate/comparison/outputs'
import { seeded } from '../../../src/engine/math/random'
import { Graph, Tensor, type AttributeInput, type Dim, type Model } from '../../../src/engine/onnx'
import { findPass } from '../../../src/engine/passes'
import type { PassContext, PassResult } from '../../../src/engine/passes/pass'
import { openRunner, randomFeeds, signatureOf, withSession, workingFeeds } from '../../../src/engine/runtime'
import { findTarget } from '../../../src/engine/targets'
import { Net } from './pruning/build'

let scratch: string
beforeAll(() => void (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'adapt-'))))
afterAll(() => fs.rmSync(scratch, { recursive: true }))

const run = (id: string, model: Model, params: unknown = {}): Promise<PassResult> => {
  const context: PassContext = {
    original: model,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch,
    providers: ['cpu'],
    target: findTarget('any'),
  }
  return findPass(id).run(model, params, context)
}

const dimsOf = (model: Model): Record<string, readonly Dim[]> =>
  Object.fromEntries(
    [...model.graph.inputs, ...model.graph.outputs].map(({ name, dims }) => [name, dims ?? []]),
  )

function image(dims: readonly Dim[]): Model {
  const net = new Net()
  const x = net.input('x', dims)
  return net.output(net.relu(net.conv(x, 3, 4, 3)), 4).done()
}

describe('fix-shapes', () => {
  test('names and places become numbers, of outputs too', async () => {
    const { model, summary } = await run('fix-shapes', image(['N', 3, 'height', 'w']), {
      height: 20,
      width: 12,
    })
    const [x, y] = Object.values(dimsOf(model))
    expect([x, y]).toEqual([
      [1, 3, 20, 12],
      [1, 4, 20, 12],
    ])
    expect(summary).toContain('x [1, 3, 20, 12]')
    expect(signatureOf(model).batch).toBe(1)
  })

  test('axes without a name are told by their place', async () => {
    const { model } = await run('fix-shapes', image([null, 3, null, null]), { batch: 4, height: 8, width: 9 })
    expect(dimsOf(model)['x']).toEqual([4, 3, 8, 9])
  })

  test('what is not asked for stays free, and what is not there is said', async () => {
    const { model, skipped } = await run('fix-shapes', image(['N', 3, 'height', 'width']), { length: 7 })
    expect(dimsOf(model)['x']).toEqual([1, 3, 'height', 'width'])
    expect(skipped).toEqual([{ layer: 'length', reason: 'no input has a free axis that is a length' }])
  })

  test('axes by name go before kinds, in every input that has them', async () => {
    const net = new Net()
    const [a, b] = [net.input('a', ['batch', 'steps', 4]), net.input('b', ['batch', 'steps', 4])]
    const model = net.output(net.op('Add', [a, b]), 3).done()
    const fixed = await run('fix-shapes', model, { batch: 0, length: 9, axes: ['steps=5'] })
    expect(dimsOf(fixed.model)).toMatchObject({ a: ['batch', 5, 4], b: ['batch', 5, 4] })
  })

  test('sizes that hang on the values stay free', async () => {
    const net = new Net()
    const x = net.input('x', ['N', 6])
    const model = net.done()
    model.graph.addNode({ opType: 'NonZero', inputs: [net.relu(x)], outputs: ['found'] })
    model.graph.outputs = [{ name: 'found', dtype: 'int64', dims: [2, null] }]
    expect(dimsOf((await run('fix-shapes', model, { batch: 3 })).model)).toEqual({
      x: [3, 6],
      found: [2, null],
    })
  })

  test('sizes the model does not run in are refused with the reason', async () => {
    const net = new Net()
    const x = net.input('x', ['N', 'length'])
    const model = net.output(net.gemm(x, 8, 3), 2).done()
    await expect(run('fix-shapes', model, { length: 5 })).rejects.toMatchObject({
      data: {
        code: 'pass/bad-parameter',
        reason: expect.stringContaining('does not run in these sizes') as string,
      },
    })
    await expect(run('fix-shapes', model, { axes: ['length'] })).rejects.toMatchObject({
      data: { code: 'pass/bad-parameter', parameter: 'axes' },
    })
  })

  test('with all sizes fixed there is nothing to do', async () => {
    await expect(run('fix-shapes', image([1, 3, 8, 8]))).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do', reason: 'all sizes are fixed already' },
    })
  })
})

describe('free-batch', () => {
  /** All that keeps a batch in constants: Reshape with it first, merged, split again; Resize and Expand to sizes. */
  function fixed(batch: number, kind: string): Model {
    const net = new Net()
    const x = net.input('x', [batch, 4, 6])
    const to = (value: string, sizes: number[]): string => net.op('Reshape', [value, net.ints(sizes)])
    if (kind === 'flatten') return net.output(net.gemm(to(x, [batch, 24]), 24, 3), 2).done()
    if (kind === 'rest') return net.output(net.gemm(to(x, [batch, -1]), 24, 3), 2).done()
    if (kind === 'merged')
      return net.output(to(net.gemm(to(x, [batch * 4, 6]), 6, 3), [batch, 4, 3]), 3).done()
    if (kind === 'split') return net.output(to(net.gemm(to(x, [-1, 6]), 6, 3), [batch, -1, 3]), 3).done()
    if (kind === 'expand') {
      const one = net.op('ReduceMean', [x], { axes: { ints: [1, 2] }, keepdims: { int: 1 } })
      net.model.opsets.set('', 17)
      return net.output(net.op('Expand', [one, net.ints([batch, 2, 3])]), 3).done()
    }
    if (kind === 'beside') {
      const none = net.op('ConstantOfShape', [net.ints([batch, 2, 6])])
      return net
        .output(net.gemm(to(net.op('Concat', [x, none], { axis: { int: 1 } }), [batch, 36]), 36, 3), 2)
        .done()
    }
    if (kind === 'computed') {
      const rows = net.op('Gather', [net.op('Shape', [x]), net.ints([0])])
      const shape = net.op('Concat', [net.op('Mul', [rows, net.ints([1])]), net.ints([24])], {
        axis: { int: 0 },
      })
      return net.output(net.gemm(net.op('Reshape', [x, shape]), 24, 3), 2).done()
    }
    const wide = to(x, [batch, 1, 4, 6])
    const larger = net.op('Resize', [wide, '', '', net.ints([batch, 1, 8, 12])], { mode: 'nearest' })
    return net.output(net.conv(larger, 1, 2, 3), 4).done()
  }

  const KINDS = ['flatten', 'rest', 'merged', 'split', 'computed', 'resize', 'expand']

  test.each<[number, string]>([
    ...KINDS.map((kind): [number, string] => [1, kind]),
    ...KINDS.map((kind): [number, string] => [2, kind]),
    [1, 'beside'],
  ])('of %d, in %s', async (batch, kind) => {
    const original = fixed(batch, kind)
    const { model } = await run('free-batch', original)
    expect(signatureOf(model).batch).toBeUndefined()
    expect(dimsOf(model)['x']).toEqual(['batch', 4, 6])
    const same = await compareOutputs(original, model, randomFeeds(original, { seed: 3 }))
    expect(same.relative).toBeLessThan(1e-5)
    const [output] = Object.values(
      await withSession(model, {}, (session) => session.run(randomFeeds(model, { batch: 5 }))),
    )
    expect(output!.dims[0]).toBe(5)
  })

  test.each([0, 0.5])('first states of a GRU around %d', async (state) => {
    const first = new Net()
    const y = first.input('x', [1, 7, 4])
    const turned = first.op('Transpose', [y], { perm: { ints: [1, 0, 2] } })
    const start = first.constant('h', Tensor.float32([1, 1, 3], [state, 0, -state]))
    const [steps] = first.ops(
      'GRU',
      [turned, first.weight([1, 9, 4]), first.weight([1, 9, 3]), first.weight([1, 18], 'b'), '', start],
      { hidden_size: { int: 3 } },
      2,
    )
    const last = first.op('Transpose', [first.op('Squeeze', [steps!, first.ints([1])])], {
      perm: { ints: [1, 0, 2] },
    })
    const result = await run('free-batch', first.output(last, 3).done())
    expect(signatureOf(result.model).batch).toBeUndefined()
  })

  test('samples that change each other are told', async () => {
    const net = new Net()
    const x = net.input('x', [1, 4])
    const mean = net.op('ReduceMean', [x], { axes: { ints: [0] }, keepdims: { int: 1 } })
    const model = net
      .output(net.op('Sub', [x, net.op('Mul', [mean, net.constant('half', Tensor.float32([1], [0.5]))])]), 2)
      .done()
    model.opsets.set('', 17)
    await expect(run('free-batch', model)).rejects.toMatchObject({
      data: { code: 'pass/failed', reason: expect.stringContaining("change each other's answers") as string },
    })
  })

  test('a free batch is nothing to do', async () => {
    await expect(run('free-batch', image(['N', 3, 8, 8]))).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do' },
    })
  })

  test('fixing and freeing again gives the same model', async () => {
    const original = image(['N', 3, 8, 8])
    const { model } = await run('fix-shapes', original, { batch: 2 })
    const free = (await run('free-batch', model)).model
    expect((await compareOutputs(original, free, randomFeeds(original, { batch: 3 }))).relative).toBe(0)
  })
})

describe('float64-to-float32', () => {
  const doubled = (dims: readonly number[], scale = 1): Tensor => {
    const random = seeded(dims.length)
    return Tensor.of(
      'float64',
      dims,
      Float64Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => random.normal() * scale),
    )
  }

  function double(): Model {
    const net = new Net()
    net.model.graph.inputs = [{ name: 'x', dtype: 'float64', dims: ['N', 6] }]
    const hidden = net.relu(net.op('MatMul', ['x', net.constant('w', doubled([6, 16]))]))
    const shifted = net.op('Add', [
      hidden,
      net.op('Constant', [], { value: { type: 'tensor', value: doubled([16]) } }),
    ])
    const cast = net.op('Cast', [net.op('Cast', [shifted], { to: { int: 1 } })], { to: { int: 11 } })
    const y = net.op('MatMul', [cast, net.constant('w', doubled([16, 3]))])
    net.model.graph.outputs = [{ name: y, dtype: 'float64', dims: ['N', 3] }]
    return net.done()
  }

  test('all is computed in float32 behind the same interface', async () => {
    const original = double()
    const { model, summary } = await run('float64-to-float32', original)
    expect([...model.constants()].map(({ tensor }) => tensor.dtype)).not.toContain('float64')
    expect(model.graph.inputs[0]!.dtype).toBe('float64')
    const feeds = await workingFeeds(original, { batch: 5, seed: 9 })
    const { relative } = await compareOutputs(original, model, feeds)
    expect(relative).toBeGreaterThan(0)
    expect(relative).toBeLessThan(1e-5)
    expect(summary).toContain('float64 outside')
  })

  test.each(['quantize-weights', 'quantize-dynamic', 'low-rank', 'prune-weights', 'share-weights'])(
    '%s works on doubles too',
    async (id) => {
      const net = new Net()
      net.model.graph.inputs = [{ name: 'x', dtype: 'float64', dims: ['N', 64] }]
      const y = net.op('MatMul', [
        net.relu(net.op('MatMul', ['x', net.constant('w', doubled([64, 128], 0.1))])),
        net.constant('w', doubled([128, 64], 0.1)),
      ])
      net.model.graph.outputs = [{ name: y, dtype: 'float64', dims: ['N', 64] }]
      const original = net.done()
      const { model } = await run(id, original, id === 'low-rank' ? { ratio: 0.5 } : {})
      const { relative } = await compareOutputs(original, model, randomFeeds(original, { batch: 4 }))
      expect(relative).toBeGreaterThan(0)
      expect(relative).toBeLessThan(2)
    },
  )

  test('numbers beyond float32 are refused by name, and other passes leave such a model in double', async () => {
    const net = new Net()
    net.model.graph.inputs = [{ name: 'x', dtype: 'float64', dims: ['N', 64] }]
    const h = net.op('MatMul', ['x', net.constant('w', doubled([64, 64], 0.1))])
    const y = net.op('Min', [h, net.constant('most', Tensor.of('float64', [1], [1e300]))])
    net.model.graph.outputs = [{ name: y, dtype: 'float64', dims: ['N', 64] }]
    const model = net.done()
    await expect(run('float64-to-float32', model)).rejects.toMatchObject({
      data: {
        code: 'pass/failed',
        node: expect.stringContaining('most'),
        reason: expect.stringContaining('1.0e+300'),
      },
    })
    await expect(run('quantize-weights', model)).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do', reason: expect.stringContaining('float64') },
    })
  })

  test('the bodies of loops become float32 too', async () => {
    const net = new Net()
    net.model.graph.inputs = [{ name: 'x', dtype: 'float64', dims: ['N', 4] }]
    const body = new Graph()
    body.inputs = [
      { name: 'i', dtype: 'int64', dims: [] },
      { name: 'go', dtype: 'bool', dims: [] },
      { name: 'in', dtype: 'float64', dims: [null, 4] },
    ]
    body.initializers.set('two', doubled([1, 4]))
    body.addNode({ opType: 'Identity', inputs: ['go'], outputs: ['on'] })
    body.addNode({ opType: 'Mul', inputs: ['in', 'two'], outputs: ['out'] })
    body.outputs = [
      { name: 'on', dtype: 'bool', dims: [] },
      { name: 'out', dtype: 'float64', dims: [null, 4] },
    ]
    const trips = net.constant('trips', Tensor.int64([3], []))
    const y = net.op('Loop', [trips, '', 'x'], { body: { type: 'graph', value: body } })
    net.model.graph.outputs = [{ name: y, dtype: 'float64', dims: [null, 4] }]
    const original = net.done()
    const { model } = await run('float64-to-float32', original)
    const { relative } = await compareOutputs(original, model, randomFeeds(original, { batch: 2 }))
    expect(relative).toBeLessThan(1e-5)
  })

  test('numbers that float32 cannot hold are told', async () => {
    const net = new Net()
    net.model.graph.inputs = [{ name: 'x', dtype: 'float64', dims: ['N', 2] }]
    const y = net.op('MatMul', ['x', net.constant('w', doubled([2, 2], 1e200))])
    net.model.graph.outputs = [{ name: y, dtype: 'float64', dims: ['N', 2] }]
    await expect(run('float64-to-float32', net.done())).rejects.toMatchObject({
      data: { code: 'pass/failed', reason: expect.stringContaining('needs double precision') as string },
    })
  })

  test('a float32 model is nothing to do', async () => {
    await expect(run('float64-to-float32', image(['N', 3, 8, 8]))).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do' },
    })
  })
})

describe('remove-zipmap', () => {
  function classifier(labels: 'words' | 'numbers', shared: boolean): Model {
    const net = new Net()
    const x = net.input('x', ['N', 8])
    const scores = net.op('Softmax', [net.gemm(x, 8, 3)], { axis: { int: 1 } })
    net.model.opsets.set('ai.onnx.ml', 3)
    const classes: Record<string, AttributeInput> =
      labels === 'words'
        ? { classlabels_strings: ['a', 'b', 'ü'] }
        : { classlabels_int64s: { ints: [2, 4, 8] } }
    net.model.graph.addNode({
      opType: 'ZipMap',
      domain: 'ai.onnx.ml',
      inputs: [scores],
      outputs: ['maps'],
      attributes: classes,
    })
    const label = net.op('ArgMax', [scores], { axis: { int: 1 }, keepdims: { int: 0 } })
    net.model.graph.outputs = [{ name: label, dtype: 'int64', dims: ['N'] }, { name: 'maps' }]
    if (shared) net.model.graph.outputs.push({ name: scores, dtype: 'float32', dims: ['N', 3] })
    return net.done()
  }

  test.each([
    ['words', false, '["a","b","ü"]'],
    ['numbers', true, '["2","4","8"]'],
  ] as const)('%s as classes, scores given already: %s', async (labels, shared, written) => {
    const original = classifier(labels, shared)
    const { model } = await run('remove-zipmap', original)
    expect(model.metadata.get('pare.classes.maps')).toBe(written)
    expect(model.graph.outputs.find(({ name }) => name === 'maps')).toMatchObject({
      dtype: 'float32',
      dims: ['N', 3],
    })
    const feeds = randomFeeds(model, { batch: 4 })
    const outputs = await withSession(model, {}, (session) => session.run(feeds))
    expect(outputs['maps']!.dims).toEqual([4, 3])
    expect((await compareOutputs(original, model, feeds)).relative).toBe(0)
    // Whoever measures reads the scores of both alike.
    const runners = [await openRunner(original), await openRunner(model)]
    const [before, after] = await Promise.all(runners.map((runner) => runner.run(feeds)))
    expect(before!['maps']).toEqual(after!['maps'])
    for (const runner of runners) await runner.release()
  })

  test('without ZipMap there is nothing to do', async () => {
    await expect(run('remove-zipmap', image(['N', 3, 8, 8]))).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do' },
    })
  })
})
