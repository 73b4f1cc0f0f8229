/** Integer arithmetic of Q/DQ models: the codes that ONNX Runtime gives, to one. */
import { describe, expect, test } from 'vitest'
import { generate } from '../../../../src/engine/export/c/generate'
import { fixedPoint } from '../../../../src/engine/export/c/operators/integer'
import { seeded } from '../../../../src/engine/math/random'
import { Tensor, type AttributeInput, type Model } from '../../../../src/engine/onnx'
import { findPass } from '../../../../src/engine/passes'
import { float32, floatsOf, openRunner, withSession, type Values } from '../../../../src/engine/runtime'
import { contextOf, noise } from '../../passes/quantization/support'
import { Net } from '../../passes/pruning/build'
import { compiler, runC, WITHOUT } from './support'

const random = seeded(11)
const SCALE = 0.02

/** Values through codes and back. */
function coded(net: Net, x: string, scale: number, zero = 3): string {
  const [s, z] = [
    net.constant('s', Tensor.float32([], [scale])),
    net.constant('z', Tensor.of('uint8', [], [zero])),
  ]
  return net.op('DequantizeLinear', [net.op('QuantizeLinear', [x, s, z]), s, z])
}

/** A weight as codes with a scale a row. */
function weight(net: Net, dims: number[], axis: number, zeros: (i: number) => number = (i) => i): string {
  const size = dims.reduce((a, b) => a * b, 1)
  const codes = Array.from(
    { length: size },
    (_, i) => zeros(random.below(255) - 127) && zeros(random.below(i % 3 ? 255 : 31) - 15),
  )
  const scales = Float32Array.from({ length: dims[axis]! }, () => 0.002 + random.next() / 200)
  const none = Tensor.of('int8', [dims[axis]!], new Array<number>(dims[axis]!).fill(0))
  return net.op(
    'DequantizeLinear',
    [
      net.constant('codes', Tensor.of('int8', dims, codes)),
      net.constant('scales', Tensor.float32([dims[axis]!], scales)),
      net.constant('zeros', none),
    ],
    { axis: { int: axis } },
  )
}

const ints = (...values: number[]): AttributeInput => ({ ints: values })
const sparse = (value: number): number =>
  random.below(12) === 0 ? Math.sign(value) * 3 * (1 + (Math.abs(value) % 7)) : 0

const LAYERS: Record<string, (net: Net) => [value: string, dims: number[]]> = {
  'a convolution with padding, strides and a bias': (net) => {
    const x = coded(net, net.input('x', [1, 3, 11, 9]), SCALE)
    const y = net.op('Conv', [x, weight(net, [8, 3, 3, 3], 0), net.weight([8])], {
      pads: ints(1, 1, 1, 1),
      strides: ints(2, 1),
    })
    return [coded(net, net.op('Relu', [y]), 0.05), [1, 3, 11, 9]]
  },
  'a depthwise convolution of dilated windows': (net) => {
    const x = coded(net, net.input('x', [1, 6, 9, 12]), SCALE)
    const y = net.op('Conv', [x, weight(net, [6, 1, 3, 3], 0)], {
      group: { int: 6 },
      pads: ints(2, 2, 2, 2),
      dilations: ints(2, 2),
    })
    return [
      coded(
        net,
        net.op('Clip', [
          y,
          net.constant('lo', Tensor.float32([], [0])),
          net.constant('hi', Tensor.float32([], [1])),
        ]),
        0.02,
      ),
      [1, 6, 9, 12],
    ]
  },
  'a pruned convolution': (net) => {
    const x = coded(net, net.input('x', [1, 8, 6, 6]), SCALE)
    return [
      coded(
        net,
        net.op('Conv', [x, weight(net, [8, 8, 3, 3], 0, sparse)], { pads: ints(1, 1, 1, 1) }),
        0.04,
        120,
      ),
      [1, 8, 6, 6],
    ]
  },
  'a convolution along one axis': (net) => {
    const x = coded(net, net.input('x', [1, 3, 40]), SCALE)
    return [
      coded(
        net,
        net.op('Conv', [x, weight(net, [5, 3, 7], 0)], { pads: ints(3, 3), strides: ints(2) }),
        0.06,
        100,
      ),
      [1, 3, 40],
    ]
  },
  'a product of rows': (net) => {
    const x = coded(net, net.input('x', [1, 4, 20]), SCALE)
    const y = net.op('Add', [net.op('MatMul', [x, weight(net, [20, 9], 1)]), net.weight([9])])
    return [coded(net, y, 0.03, 128), [1, 4, 20]]
  },
  'a pruned product': (net) => {
    const x = coded(net, net.input('x', [1, 40]), SCALE)
    return [
      coded(
        net,
        net.op('Gemm', [x, weight(net, [12, 40], 0, sparse), net.weight([12])], { transB: { int: 1 } }),
        0.03,
        128,
      ),
      [1, 40],
    ]
  },
}

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test.each(Object.entries(LAYERS))('%s: at most one code apart, hardly ever', async (_, build) => {
    const net = new Net(7)
    const [value, dims] = build(net)
    const { model } = net.output(value, dims.length)
    const scale = model.graph.initializers.get(model.graph.nodes.at(-1)!.inputs[1]!)!.floats()[0]!
    const size = dims.reduce((a, b) => a * b, 1)
    const samples = Array.from({ length: 40 }, (): Values => ({
      x: float32(
        dims,
        Float32Array.from({ length: size }, () => random.next() * 5),
      ),
    }))
    const made = await generate(model, 'model')
    expect(made.code).toContain('scaled(')
    const results = runC(made, samples)
    let [off, count] = [0, 0]
    await withSession(model, { optimization: 'disabled' }, async (session) => {
      for (const [n, sample] of samples.entries()) {
        const [a, b] = [floatsOf((await session.run(sample))[value]!), floatsOf(results[n]![value]!)]
        a.forEach((one, i) => {
          const codes = Math.round((one - b[i]!) / scale)
          expect(Math.abs(codes)).toBeLessThanOrEqual(1)
          off += Number(codes !== 0)
          count++
        })
      }
    })
    expect(off / count).toBeLessThan(0.002)
  })

  test('element-wise operators between codes are a table, exactly', async () => {
    const net = new Net(2)
    const x = coded(net, net.input('x', [256]), 0.04, 128)
    const y = coded(net, net.op('Mul', [x, net.op('Sigmoid', [x])]), 0.03, 20)
    const { model } = net.output(y, 1)
    const sample = {
      x: float32(
        [256],
        Float32Array.from({ length: 256 }, (_, i) => (i - 128) * 0.04),
      ),
    }
    const made = await generate(model, 'model')
    expect(made.code).not.toContain('expf')
    const [result] = runC(made, [sample])
    await withSession(model, {}, async (session) =>
      expect(floatsOf(result![y]!)).toEqual(floatsOf((await session.run(sample))[y]!)),
    )
  })

  test('a quantized net answers as ONNX Runtime does on 1,000 samples, from an arena of bytes', async () => {
    const float = classifier()
    const context = contextOf(float, { x: noise([64, 3, 12, 12]) })
    const { model } = await findPass('quantize-static').run(
      float,
      { calibration: 'min-max', maxLoss: 100 },
      context,
    )
    const made = await generate(model, 'model')
    const samples = Array.from({ length: 1000 }, (_, n): Values => ({ x: noise([1, 3, 12, 12], n) }))
    const results = runC(made, samples, ['-O2'])
    const best = (values: Float32Array): number => values.indexOf(Math.max(...values))
    const [output] = model.graph.outputs
    let same = 0
    const runner = await openRunner(model, {})
    try {
      for (const [n, sample] of samples.entries()) {
        const wanted = floatsOf((await runner.run(sample))[output!.name]!)
        same += Number(best(wanted) === best(floatsOf(results[n]![output!.name]!)))
      }
    } finally {
      await runner.release()
    }
    expect(same).toBeGreaterThanOrEqual(999)
    expect(made.arenaBytes).toBeLessThan((await generate(float, 'model')).arenaBytes / 2)
  })
})

function classifier(): Model {
  const net = new Net(5)
  const x = net.input('x', ['batch', 3, 12, 12])
  const a = net.op('Relu', [net.conv(x, 3, 8, 3)])
  const b = net.op('MaxPool', [net.op('Relu', [net.conv(a, 8, 16, 3)])], {
    kernel_shape: ints(2, 2),
    strides: ints(2, 2),
  })
  const flat = net.op('Flatten', [b])
  return net.output(net.op('Gemm', [flat, net.weight([6, 576]), net.weight([6])], { transB: { int: 1 } }), 2)
    .model
}

test('a multiplier of 31 bits and a shift are the number to within a billionth', () => {
  for (let i = 0; i < 500; i++) {
    const real = 10 ** (random.next() * 8 - 7)
    const { multiplier, shift } = fixedPoint(real)
    expect(multiplier).toBeGreaterThanOrEqual(2 ** 30)
    expect(multiplier).toBeLessThan(2 ** 31)
    expect(Math.abs((multiplier * 2 ** -shift) / real - 1)).toBeLessThan(1e-9)
  }
  expect(fixedPoint(1e-30)).toEqual({ multiplier: 0, shift: 1 })
  expect(fixedPoint(0)).toEqual({ multiplier: 0, shift: 1 })
})
