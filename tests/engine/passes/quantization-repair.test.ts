import { describe, expect, test } from 'vitest'
import { Tensor, type Model } from '../../../src/engine/onnx'
import { equalize } from '../../../src/engine/passes/equalize'
import { quantizeDynamic } from '../../../src/engine/passes/quantize-dynamic'
import { quantizeStatic } from '../../../src/engine/passes/quantize-static'
import { shareWeights } from '../../../src/engine/passes/share-weights'
import { smoothQuant } from '../../../src/engine/passes/smooth-quant'
import { float32, int64, type Values } from '../../../src/engine/runtime'
import { findTarget } from '../../../src/engine/targets'
import { Net } from './pruning/build'
import { contextOf, fidelity, noise, outputOf } from './quantization/support'

const images: Values = { x: noise([32, 4, 10, 10]) }

/** Depthwise and plain convolutions whose channels differ by two orders of magnitude, as MobileNets' do. */
function uneven(): Model {
  const net = new Net(1)
  const grow = (size: number): Float32Array =>
    Float32Array.from({ length: size }, (_, i) => 10 ** ((i % 5) / 2 - 1))
  const x = net.input('x', [null, 4, 10, 10])
  const scaled = (dims: number[], seed: number): string => {
    const factors = grow(dims[0]!)
    const inner = dims.slice(1).reduce((n, d) => n * d, 1)
    const values = (noise(dims, seed).data as Float32Array).map((v, i) => v * factors[Math.floor(i / inner)]!)
    return net.constant('w', Tensor.float32(dims, values))
  }
  const a = net.relu(net.conv(x, 4, 20, 3, { w: scaled([20, 4, 3, 3], 3) }))
  const b = net.relu(net.conv(a, 20, 20, 3, { group: 20, w: scaled([20, 1, 3, 3], 4) }))
  const mean = net.op('GlobalAveragePool', [net.conv(b, 20, 8, 1)])
  net.output(net.op('Flatten', [mean]), 2)
  return net.model
}

describe('equalize', () => {
  test('the function stays, per-tensor int8 gets better', async () => {
    const model = uneven()
    const { model: even, summary } = await equalize.run(model, {}, contextOf(model))
    expect(summary).toContain('2 pairs')
    expect(await fidelity(model, even, images)).toBeGreaterThan(90)
    const int8 = async (from: Model): Promise<number> => {
      const options = { perChannel: false, calibration: 'min-max', maxLoss: 100 }
      const result = await quantizeStatic.run(from, options, contextOf(from, images))
      return fidelity(model, result.model, images)
    }
    expect(await int8(even)).toBeGreaterThan((await int8(model)) + 3)
  })

  test.each([1e-2, 1e-6, 1e-10])(
    'a channel of weights around %d keeps the range its bias gives it',
    async (dead) => {
      const net = new Net(4)
      const x = net.input('x', [null, 4, 10, 10])
      const kernel = (noise([8, 4, 3, 3], 5).data as Float32Array).map(
        (v, i) => 0.2 * v * (i < 36 ? dead : 1),
      )
      const bias = net.constant('b', Tensor.float32([8], [1, 0.1, -0.2, 0.3, 0, 0.2, -0.1, 0.1]))
      const pads = { pads: { ints: [1, 1, 1, 1] } }
      const first = net.relu(
        net.op('Conv', [x, net.constant('w', Tensor.float32([8, 4, 3, 3], kernel)), bias], pads),
      )
      net.head(net.relu(net.conv(first, 8, 8, 3)), 8)
      const model = net.done()
      const int8 = async (from: Model): Promise<{ sqnr: number; summary: string }> => {
        const { model: result, summary } = await quantizeStatic.run(from, {}, contextOf(from, images))
        return { sqnr: await fidelity(model, result, images), summary }
      }
      const { model: even } = await equalize.run(model, {}, contextOf(model))
      expect(await fidelity(model, even, images)).toBeGreaterThan(90)
      const [before, after] = [await int8(model), await int8(even)]
      expect(after.summary).toContain('3 of 3')
      expect(after.sqnr).toBeGreaterThan(before.sqnr - 2)
    },
  )

  /** Two layers, of the first of which channel 0 has hardly any weights and a large bias, channel 1 the bias alone. */
  function biased(
    between: (net: Net, value: string) => string,
    pads: number,
  ): { model: Model; first: string } {
    const net = new Net(6)
    const x = net.input('x', [null, 4, 10, 10])
    const kernel = (noise([8, 4, 3, 3], 5).data as Float32Array).map((v, i) => 0.2 * v * (i < 72 ? 1e-3 : 1))
    const first = net.constant('b', Tensor.float32([8], [1, 300, -0.2, 0.3, 0, 0.2, -0.1, 0.1]))
    const conv = net.op('Conv', [x, net.constant('w', Tensor.float32([8, 4, 3, 3], kernel)), first])
    // The layer after hardly reads channel 1, whose range all others share as long as it has its bias.
    const reading = (noise([8, 8, 3, 3], 7).data as Float32Array).map(
      (v, i) => v * (Math.floor(i / 9) % 8 === 1 ? 1e-2 : 1),
    )
    const w = net.constant('w', Tensor.float32([8, 8, 3, 3], reading))
    const second = net.op('Conv', [between(net, conv), w], {
      pads: { ints: [pads, pads, pads, pads] },
    })
    net.output(second, 4)
    return { model: net.model, first }
  }
  const relu = (net: Net, value: string): string => net.relu(value)

  test.each<[string, (net: Net, value: string) => string]>([
    ['Relu', relu],
    ['Relu and MaxPool', (net, v) => net.op('MaxPool', [net.relu(v)], { kernel_shape: { ints: [2, 2] } })],
  ])('what no sample falls below of a bias moves on, through %s', async (_, between) => {
    const { model, first } = biased(between, 0)
    const { model: moved, summary } = await equalize.run(model, {}, contextOf(model, images))
    expect(summary).toContain('2 biases that no calibration sample falls below')
    expect(await fidelity(model, moved, images)).toBeGreaterThan(90)
    const name = moved.graph.nodes.find((node) => node.is('Conv'))!.inputs[2]!
    const [before, after] = [model.graph.initializers.get(first)!, moved.graph.initializers.get(name)!]
    expect(before.floats()[1]).toBe(300)
    expect(Math.abs(after.floats()[1]!)).toBeLessThan(1)
    const int8 = async (from: Model): Promise<number> =>
      fidelity(
        model,
        (await quantizeStatic.run(from, { maxLoss: 100, calibration: 'min-max' }, contextOf(from, images)))
          .model,
        images,
      )
    const { model: kept } = await equalize.run(model, {}, contextOf(model))
    expect(await int8(moved)).toBeGreaterThan((await int8(kept)) + 6)
  })

  test.each<[string, (net: Net, value: string) => string, number]>([
    ['the layer after pads with zeros', relu, 1],
    [
      'a pool counts zeros',
      (net, v) =>
        net.op('AveragePool', [net.relu(v)], {
          kernel_shape: { ints: [2, 2] },
          pads: { ints: [1, 1, 0, 0] },
          count_include_pad: { int: 1 },
        }),
      0,
    ],
  ])('biases stay where %s', async (_, between, pads) => {
    const { model } = biased(between, pads)
    const { model: even, summary } = await equalize.run(model, {}, contextOf(model, images))
    expect(summary).not.toContain('bias')
    expect(await fidelity(model, even, images)).toBeGreaterThan(90)
  })

  test('biases stay where a calibration sample gives what is no number', async () => {
    const { model } = biased(relu, 0)
    const broken = noise([32, 4, 10, 10])
    ;(broken.data as Float32Array).fill(NaN, 0, 4 * 10 * 10)
    const { summary } = await equalize.run(model, {}, contextOf(model, { x: broken }))
    expect(summary).not.toContain('bias')
  })

  test('a value that others read, or tied weights, are safe', async () => {
    const net = new Net(2)
    const x = net.input('x', [null, 16])
    const w = net.weight([16, 16])
    const first = net.relu(net.op('Gemm', [x, w], { transB: { int: 1 } }))
    const second = net.op('Gemm', [first, w], { transB: { int: 1 } })
    net.output(net.op('Gemm', [net.op('Add', [second, x]), w], { transB: { int: 1 } }), 2)
    const inputs = { x: noise([8, 16]) }
    const { model } = await equalize.run(net.model, {}, contextOf(net.model))
    expect(await fidelity(net.model, model, inputs)).toBeGreaterThan(90)
  })
})

/** A normalization with outlier channels, read by two products and, where asked, by a residual sum. */
function transformer(residual: boolean): Model {
  const net = new Net(3)
  const x = net.input('x', [null, 6, 32])
  const gamma = Float32Array.from({ length: 32 }, (_, i) => (i % 11 === 4 ? 60 : 1))
  const norm = net.op('LayerNormalization', [
    x,
    net.constant('gamma', Tensor.float32([32], gamma)),
    net.weight([32], 'beta', 0.1),
  ])
  const sum = net.op('Add', [net.dense(norm, 32, 32), net.dense(norm, 32, 32)])
  net.output(residual ? net.op('Add', [sum, norm]) : sum, 3)
  return net.model
}

test.each([
  [false, 'within the normalization'],
  [true, 'by one multiplication'],
])('smooth-quant: the function stays, int8 gets better (residual: %s)', async (residual, how) => {
  const model = transformer(residual)
  const inputs = { x: noise([32, 6, 32]) }
  const { model: smooth, summary } = await smoothQuant.run(model, {}, contextOf(model, inputs))
  expect(summary).toContain(how)
  expect(await fidelity(model, smooth, inputs)).toBeGreaterThan(90)
  const int8 = async (from: Model): Promise<Float32Array> => {
    const options = { calibration: 'min-max', maxLoss: 100 }
    return outputOf((await quantizeStatic.run(from, options, contextOf(from, inputs))).model, inputs)
  }
  const truth = await outputOf(model, inputs)
  const error = (got: Float32Array): number => got.reduce((total, v, i) => total + (v - truth[i]!) ** 2, 0)
  expect(error(await int8(smooth))).toBeLessThan(error(await int8(model)))
})

test('biases are corrected and rounding looks at data: both come closer to the original', async () => {
  const net = new Net(4)
  const x = net.input('x', [null, 64])
  net.output(net.gemm(net.relu(net.gemm(x, 64, 64)), 64, 8), 2)
  // Inputs far from zero make rounding errors of weights add up to a shift; seven bits make them large.
  const shifted = {
    x: float32(
      [128, 64],
      (noise([128, 64], 6, 0.3).data as Float32Array).map((v) => v + 2),
    ),
  }
  const quality = async (more: object): Promise<number> => {
    const options = { calibration: 'min-max', maxLoss: 100, ...more }
    const context = contextOf(net.model, shifted, { target: findTarget('pc-no-vnni') })
    const { model } = await quantizeStatic.run(net.model, options, context)
    return fidelity(net.model, model, shifted)
  }
  const plain = await quality({ correctBias: false })
  expect(await quality({ correctBias: true })).toBeGreaterThan(plain + 1)
  expect(await quality({ correctBias: false, rounding: 'adaptive' })).toBeGreaterThan(plain + 1)
})

test('adaptive rounding of grouped and tied weights, whichever way round they lie', async () => {
  const net = new Net(5)
  const x = net.input('x', [null, 4, 10, 10])
  const grouped = net.relu(net.conv(net.relu(net.conv(x, 4, 16, 3)), 16, 16, 3, { group: 4 }))
  const flat = net.op('Flatten', [net.op('GlobalAveragePool', [grouped])])
  const tied = net.weight([16, 16])
  const twice = net.relu(net.op('MatMul', [net.relu(net.op('MatMul', [flat, tied])), tied]))
  net.output(net.op('Gemm', [twice, net.weight([16, 6])]), 2)
  const options = { calibration: 'min-max', maxLoss: 100, rounding: 'adaptive' }
  const { model } = await quantizeStatic.run(net.model, options, contextOf(net.model, images))
  expect(await fidelity(net.model, model, images)).toBeGreaterThan(28)
})

test('adaptive rounding: a bias that needs larger scales keeps them', async () => {
  const net = new Net(4)
  const tiny = net.weight([64, 24], 'w', 1e-9)
  const large = net.constant('b', Tensor.float32([24], new Float32Array(24).fill(5)))
  net.output(net.relu(net.op('Gemm', [net.input('x', [null, 64]), tiny, large])), 2)
  const inputs = { x: noise([64, 64]) }
  const options = { calibration: 'min-max', maxLoss: 100, rounding: 'adaptive' }
  const { model } = await quantizeStatic.run(net.model, options, contextOf(net.model, inputs))
  expect(await fidelity(net.model, model, inputs)).toBeGreaterThan(40)
})

test('adaptive rounding asks for a scale per channel', () => {
  const { model } = new Net(1)
  const check = (params: object): void => quantizeStatic.check(model, params)
  expect(() => check({ rounding: 'adaptive', perChannel: false })).toThrow(/scale per channel/)
  expect(() => check({ rounding: 'adaptive' })).not.toThrow()
})

describe('dynamic', () => {
  test('matrices both ways round, embeddings and convolutions, loaded by plain ONNX Runtime', async () => {
    const net = new Net(6)
    const words = net.op('Gather', [net.weight([200, 32], 'table'), net.input('ids', [null, 9], 'int64')])
    const image = net.op('Reshape', [net.relu(net.dense(words, 32, 64)), net.ints([0, 4, 12, 12])])
    const flat = net.op('Flatten', [net.op('GlobalAveragePool', [net.conv(image, 4, 32, 3)])])
    net.output(net.op('Gemm', [net.gemm(flat, 32, 32), net.weight([32, 32]), net.weight([32], 'b')]), 2)
    const ids = {
      ids: int64(
        [8, 9],
        Array.from({ length: 72 }, (_, i) => (i * 17) % 200),
      ),
    }
    const { model, summary, layers } = await quantizeDynamic.run(net.model, {}, contextOf(net.model, ids))
    expect(await fidelity(net.model, model, ids)).toBeGreaterThan(25)
    expect(model.graph.nodes.filter((node) => node.is('MatMulInteger'))).toHaveLength(3)
    expect(model.graph.nodes.some((node) => node.is('ConvInteger'))).toBe(false)
    expect(summary).toContain('float, which is faster than dynamic int8')
    expect(layers).toHaveLength(5)
  })

  test('without data it works as well', async () => {
    const net = new Net(7)
    net.output(net.dense(net.input('x', [null, 5, 64]), 64, 64), 3)
    const { model } = await quantizeDynamic.run(net.model, {}, contextOf(net.model))
    expect(await fidelity(net.model, model, { x: noise([4, 5, 64]) })).toBeGreaterThan(30)
  })
})

test('shared values: as many as said, zeros stay zero', async () => {
  const net = new Net(8)
  const pruned = (noise([64, 64], 2).data as Float32Array).map((v) => (Math.abs(v) < 0.7 ? 0 : v))
  const w = net.constant('w', Tensor.float32([64, 64], pruned))
  net.output(net.op('MatMul', [net.input('x', [null, 64]), w]), 2)
  const { model } = await shareWeights.run(net.model, { bits: 4 }, contextOf(net.model))
  const shared = model.graph.initializers.get(w)!.floats()
  expect(new Set(shared).size).toBeLessThanOrEqual(16)
  expect(pruned.every((v, i) => v !== 0 || shared[i] === 0)).toBe(true)
  expect(await fidelity(net.model, model, { x: noise([4, 64]) })).toBeGreaterThan(18)
})
