/** Sums over the inputs of layers, against what ONNX Runtime gives at their outputs and plain loops. */
import { describe, expect, test } from 'vitest'
import { productLayer } from '../../../src/engine/layers/product'
import { collect } from '../../../src/engine/layers/statistics/collect'
import { centred } from '../../../src/engine/layers/statistics/grams'
import { hessiansOf } from '../../../src/engine/layers/statistics/hessians'
import { planGrams, sampling } from '../../../src/engine/layers/statistics/plan'
import type { Layer } from '../../../src/engine/layers/layer'
import type { Model } from '../../../src/engine/onnx'
import { floatsOf, randomFeeds, withOutputs, withSession, type Values } from '../../../src/engine/runtime'
import { Net } from '../passes/pruning/build'

const BATCHES = 3

const batchesOf = (model: Model) =>
  async function* (): AsyncIterable<Values> {
    for (let seed = 0; seed < BATCHES; seed++) {
      await Promise.resolve()
      yield randomFeeds(model, { batch: 4, seed, side: 9, sequence: 5 })
    }
  }

const layersOf = (model: Model): Layer[] =>
  model.graph.nodes.flatMap((node) => productLayer(model.graph, node) ?? [])

/** A value at every batch, as ONNX Runtime computes it. */
async function valuesOf(
  model: Model,
  name: string,
): Promise<{ dims: readonly number[]; data: Float32Array }[]> {
  return withSession(withOutputs(model, [name]), {}, async (session) => {
    const found: { dims: readonly number[]; data: Float32Array }[] = []
    for await (const feeds of batchesOf(model)()) {
      const value = (await session.run(feeds, [name]))[name]!
      found.push({ dims: value.dims, data: floatsOf(value) })
    }
    return found
  })
}

/** Sum and sum of squares of each channel along an axis, by plain loops. */
async function plainSums(model: Model, name: string, axis: number) {
  const values = await valuesOf(model, name)
  const channels = values[0]!.dims[axis]!
  const sums = { count: 0, sum: new Float64Array(channels), squares: new Float64Array(channels), largest: 0 }
  for (const { dims, data } of values) {
    const inner = dims.slice(axis + 1).reduce((n, d) => n * d, 1)
    data.forEach((x, i) => {
      const c = Math.floor(i / inner) % channels
      sums.sum[c]! += x
      sums.squares[c]! += x * x
      sums.largest = Math.max(sums.largest, Math.abs(x))
    })
    sums.count += data.length / channels
  }
  return sums
}

const conv = (attributes: Record<string, number[] | string>, group = 1, kernel = [3, 3]): Model => {
  const net = new Net(5)
  const x = net.input('x', ['batch', 4, ...kernel.map(() => 9)])
  const y = net.op('Conv', [x, net.weight([6, 4 / group, ...kernel])], {
    ...Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : { ints: value },
      ]),
    ),
    group: { int: group },
  })
  return net.output(y, 2 + kernel.length).done()
}

const product = (opType: 'MatMul' | 'Gemm'): Model => {
  const net = new Net(6)
  const dims = opType === 'Gemm' ? ['batch', 7] : ['batch', 5, 7]
  const x = net.input('x', dims)
  const w = net.weight(opType === 'Gemm' ? [3, 7] : [7, 3])
  return net
    .output(net.op(opType, [x, w], opType === 'Gemm' ? { transB: { int: 1 } } : {}), dims.length)
    .done()
}

const CASES: [string, Model][] = [
  ['padded, strided and dilated', conv({ pads: [1, 2, 0, 1], strides: [2, 1], dilations: [1, 2] })],
  ['that pads itself, more at the end', conv({ auto_pad: 'SAME_UPPER', strides: [2, 2] }, 1, [4, 3])],
  ['that pads itself, more at the start', conv({ auto_pad: 'SAME_LOWER', strides: [2, 1] }, 1, [4, 4])],
  ['that pads nothing', conv({ auto_pad: 'VALID', strides: [2, 2] })],
  ['in groups', conv({ pads: [1, 1, 1, 1] }, 2)],
  ['of one tap', conv({}, 1, [1, 1])],
  ['of one dimension', conv({ pads: [2, 0], strides: [3] }, 1, [5])],
  ['a product of sequences', product('MatMul')],
  ['a product with a turned weight', product('Gemm')],
]

describe.each(CASES)('a layer %s', (_, model) => {
  const [layer] = layersOf(model) as [Layer]
  const axis = layer.kind === 'conv' ? 1 : model.graph.outputs[0]!.dims!.length - 1

  test('has outputs whose sums and energies follow from its Gram matrix and means', async () => {
    const gram = (await collect(model, { grams: [layer] }, batchesOf(model))).gram(layer)!
    const { sum, squares, count } = await plainSums(model, layer.name, axis)
    const { groups, inputs, outputs } = layer.product
    const w = layer.columns()
    expect(gram.rows).toBe(count)
    for (let g = 0; g < groups; g++)
      for (let o = 0; o < outputs; o++) {
        const weight = Array.from({ length: inputs }, (_, i) => w[(g * inputs + i) * outputs + o]!)
        const along = (row: ArrayLike<number>): number => weight.reduce((n, v, i) => n + v * row[i]!, 0)
        const { data } = gram.xx[g]!
        const energy = along(weight.map((_, i) => along(data.subarray(i * inputs, (i + 1) * inputs))))
        const c = g * outputs + o
        expect(Math.abs(energy / squares[c]! - 1)).toBeLessThan(1e-4)
        expect(Math.abs(gram.rows * along(gram.mean[g]!) - sum[c]!)).toBeLessThan(
          1e-4 * Math.sqrt(count * squares[c]!),
        )
        const centre = centred(gram, g)
        const variance = along(
          weight.map((_, i) => along(centre.data.subarray(i * inputs, (i + 1) * inputs))),
        )
        expect(Math.abs(variance / (squares[c]! - sum[c]! ** 2 / count) - 1)).toBeLessThan(1e-3)
      }
  })

  test('is found again by regression on its own outputs', async () => {
    const { groups, inputs, outputs } = layer.product
    const [input, output] = (
      await Promise.all([valuesOf(model, layer.input), valuesOf(model, layer.name)])
    ).map(([first]) => first!.dims) as [number[], number[]]
    const task = { original: model, target: layer.name, layer, dims: { input, output } }
    const found = await collect(model, { regressions: [task] }, batchesOf(model))
    const { fit, aside } = found.regression(layer)!
    const w = layer.columns()
    for (let g = 0; g < groups; g++) {
      expect(aside[g]!.samples).toBeGreaterThan(0)
      expect(fit[g]!.samples).toBe(2 * aside[g]!.samples)
      // XᵀY = XᵀX·W where Y is the layer's own output.
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++) {
          let expected = 0
          for (let k = 0; k < inputs; k++)
            expected += fit[g]!.xx[i * inputs + k]! * w[(g * inputs + k) * outputs + o]!
          expect(Math.abs(fit[g]!.xy[i * outputs + o]! - expected)).toBeLessThan(1e-4 * fit[g]!.samples)
        }
    }
  })
})

test('histograms, moments and products come of one pass', async () => {
  const [, model] = CASES[0]!
  const [layer] = layersOf(model) as [Layer]
  let begun = 0
  const batches = (): AsyncIterable<Values> => {
    begun++
    return batchesOf(model)()
  }
  const shapes = new Map([[layer.name, { dims: (await valuesOf(model, layer.name))[0]!.dims }]])
  const wanted = {
    histograms: ['x', layer.name],
    moments: [
      ['x', 1],
      [layer.name, 1],
    ] as const,
    grams: [layer],
  }
  const found = await collect(model, wanted, batches, { shapes })
  // Once to see how large the values are, once to look at them.
  expect(begun).toBe(2)
  for (const name of ['x', layer.name]) {
    const { sum, squares, count, largest } = await plainSums(model, name, 1)
    const { mean, variance, largest: most } = found.moments(name, 1)!
    sum.forEach((total, c) => {
      expect(mean[c]).toBeCloseTo(total / count, 6)
      expect(variance[c]).toBeCloseTo(squares[c]! / count - (total / count) ** 2, 5)
    })
    expect(Math.max(...most)).toBeCloseTo(largest, 4)
    const histogram = found.histograms.get(name)!
    expect(histogram.count).toBe(count * sum.length)
    expect(Math.max(-histogram.min, histogram.max)).toBeCloseTo(largest, 4)
  }
  expect(found.moments('x', 2)).toBeUndefined()
})

test('layers that read the same value share a sum, and each part fits into the memory allowed', async () => {
  const net = new Net(7)
  const x = net.input('x', ['batch', 5, 8])
  const names = [12, 6, 4].map((outputs) => net.op('MatMul', [x, net.weight([8, outputs])]))
  const deep = net.op('MatMul', [names[0]!, net.weight([12, 3])])
  for (const name of [...names.slice(1), deep]) net.output(name, 3)
  const model = net.done()
  const layers = layersOf(model)
  expect(planGrams(layers, 8 * 8 * 8 + 12 * 12 * 8).map((part) => part.length)).toEqual([4])
  expect(planGrams(layers, 12 * 12 * 8).map((part) => part.length)).toEqual([3, 1])
  expect(planGrams(layers, 1).flat()).toEqual(layers)
  const nodes = layers.map(({ node }) => node)
  for await (const hessians of hessiansOf(model, nodes, batchesOf(model))) {
    expect([...hessians.keys()]).toEqual(nodes)
    expect(hessians.get(nodes[1]!)![0]).toBe(hessians.get(nodes[2]!)![0])
  }
})

test('samples are as many as the rows wanted, a batch no larger than memory allows', () => {
  const [layer] = layersOf(conv({ pads: [1, 1, 1, 1] })) as [Layer]
  const how = { rowsPerInput: 24, batches: 8, most: 1000 }
  expect(sampling(layer, [1, 6, 9, 9], how)).toEqual({ size: 32, limit: 256 })
  // 4096 · 4096 rows of 36 inputs are 2.4 GB: one sample at a time, and one gives rows enough.
  expect(sampling(layer, [1, 6, 4096, 4096], how)).toEqual({ size: 1, limit: 8 })
  expect(sampling(layer, [1, 6, 1, 1], { ...how, fixedBatch: 2 })).toEqual({ size: 2, limit: 864 })
  expect(sampling(layer, [1, 6, 1, 1], { ...how, most: 100 }).limit).toBe(100)
})
