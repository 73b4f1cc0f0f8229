/** Sums of codes: whatever shares reads and wherever the zero point is taken off, the codes are those of the plain formula. */
import { describe, expect, test } from 'vitest'
import { generate } from '../../../../../src/engine/export/c/generate'
import { fixedPoint } from '../../../../../src/engine/export/c/operators/integer'
import { seeded } from '../../../../../src/engine/math/random'
import { sizeOf, Tensor } from '../../../../../src/engine/onnx'
import { float32, floatsOf } from '../../../../../src/engine/runtime'
import { Net } from '../../../passes/pruning/build'
import { compiler, runC, WITHOUT } from '../support'

const [CHANNELS, HEIGHT, WIDTH, ZERO, OUT_ZERO] = [4, 7, 13, 77, 120]

interface Case {
  outputs: number
  kernel: [number, number]
  pads?: [number, number, number, number]
  strides?: [number, number]
  dilations?: [number, number]
  group?: number
  /** Of the weight's codes. */
  code?: (random: () => number) => number
  /** Of the output for one of the layer's sums; from 0.25 on the whole product is shifted. */
  factor?: number
}

const CASES: Record<string, Case> = {
  'no padding, blocks and one column over': { outputs: 3, kernel: [3, 5] },
  'padding on all sides': { outputs: 2, kernel: [3, 3], pads: [1, 1, 1, 1] },
  'padding below alone': { outputs: 2, kernel: [3, 2], pads: [0, 0, 2, 0] },
  'strides and padding': { outputs: 2, kernel: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] },
  'dilated and depthwise': { outputs: 4, kernel: [3, 3], pads: [2, 2, 2, 2], dilations: [2, 2], group: 4 },
  'wider than is written out': { outputs: 2, kernel: [1, 11], pads: [0, 5, 0, 5] },
  'a window wider than the row': { outputs: 2, kernel: [1, 15], pads: [0, 7, 0, 7] },
  'two whole columns': { outputs: 2, kernel: [3, 12], pads: [1, 1, 1, 1] },
  points: { outputs: 5, kernel: [1, 1] },
  'rows of padding': { outputs: 2, kernel: [1, 1], pads: [1, 1, 1, 1] },
  '4 bits': { outputs: 3, kernel: [3, 3], pads: [1, 1, 1, 1], code: (r) => Math.floor(r() * 15) - 7 },
  '2 bits': { outputs: 3, kernel: [3, 3], code: (r) => Math.floor(r() * 4) - 2 },
  'a codebook': {
    outputs: 3,
    kernel: [3, 3],
    pads: [1, 1, 1, 1],
    code: (r) => [-90, -11, 6, 101][Math.floor(r() * 4)]!,
  },
  pruned: { outputs: 3, kernel: [3, 3], pads: [1, 1, 1, 1], code: (r) => (r() < 0.9 ? 0 : 55) },
  'pruned, without padding': { outputs: 3, kernel: [3, 3], code: (r) => (r() < 0.9 ? 0 : -44) },
  'a large factor': { outputs: 2, kernel: [1, 1], factor: 0.4, code: (r) => Math.floor(r() * 3) - 1 },
}

const formula = (sum: number, factor: number): number => {
  const { multiplier, shift } = fixedPoint(factor)
  const scaled = (BigInt(sum) * BigInt(multiplier) + (1n << BigInt(shift - 1))) >> BigInt(shift)
  return Math.min(255, Math.max(0, Number(scaled) + OUT_ZERO))
}

describe.skipIf(!compiler)(`compiled and run${WITHOUT}`, () => {
  test('convolutions of every form', async () => {
    const random = seeded(3)
    const next = (): number => random.next()
    const net = new Net(1)
    const scalar = (name: string, value: number): string => net.constant(name, Tensor.float32([], [value]))
    const zero = (value: number): string => net.constant('zero', Tensor.of('uint8', [], [value]))
    const [one, x0] = [scalar('one', 1), zero(ZERO)]
    const input = net.input('x', [1, CHANNELS, HEIGHT, WIDTH])
    const x = net.op('DequantizeLinear', [net.op('QuantizeLinear', [input, one, x0]), one, x0])
    const codes = Array.from({ length: CHANNELS * HEIGHT * WIDTH }, () => random.below(256))
    const wanted = new Map<string, number[]>()
    for (const made of Object.values(CASES)) {
      const { outputs, kernel, pads = [0, 0, 0, 0], strides = [1, 1], dilations = [1, 1], group = 1 } = made
      const dims = [outputs, CHANNELS / group, ...kernel]
      const weights = Array.from({ length: sizeOf(dims) }, () =>
        (made.code ?? ((r) => Math.floor(r() * 255) - 127))(next),
      )
      const bias = Array.from({ length: outputs }, () => random.below(2000) - 1000)
      const factor = Math.fround(made.factor ?? 0.004)
      const w = net.op('DequantizeLinear', [net.constant('codes', Tensor.of('int8', dims, weights)), one])
      const conv = net.op('Conv', [x, w, net.constant('bias', Tensor.float32([outputs], bias))], {
        pads: { ints: pads },
        strides: { ints: strides },
        dilations: { ints: dilations },
        group: { int: group },
      })
      const [scale, y0] = [scalar('scale', 1 / factor), zero(OUT_ZERO)]
      const y = net.op('DequantizeLinear', [net.op('QuantizeLinear', [conv, scale, y0]), one, y0])
      net.output(y, 4)
      const real = 1 / Math.fround(1 / factor)
      const size = [0, 1].map(
        (a) =>
          Math.floor(
            ([HEIGHT, WIDTH][a]! + pads[a]! + pads[a + 2]! - (kernel[a]! - 1) * dilations[a]! - 1) /
              strides[a]!,
          ) + 1,
      )
      const values: number[] = []
      for (let o = 0; o < outputs; o++)
        for (let r = 0; r < size[0]!; r++)
          for (let c = 0; c < size[1]!; c++) {
            let sum = bias[o]!
            for (let k = 0; k < dims[1]!; k++)
              for (let ky = 0; ky < kernel[0]; ky++)
                for (let kx = 0; kx < kernel[1]; kx++) {
                  const h = r * strides[0] - pads[0] + ky * dilations[0]
                  const v = c * strides[1] - pads[1] + kx * dilations[1]
                  if (h < 0 || h >= HEIGHT || v < 0 || v >= WIDTH) continue
                  const channel = Math.floor(o / (outputs / group)) * dims[1]! + k
                  const code = codes[(channel * HEIGHT + h) * WIDTH + v]! - ZERO
                  sum += code * weights[((o * dims[1]! + k) * kernel[0] + ky) * kernel[1] + kx]!
                }
            values.push(formula(sum, real) - OUT_ZERO)
          }
      wanted.set(y, values)
    }
    const made = await generate(net.model, 'model')
    const [result] = runC(made, [
      {
        x: float32(
          [1, CHANNELS, HEIGHT, WIDTH],
          Float32Array.from(codes, (code) => code - ZERO),
        ),
      },
    ])
    for (const [i, [name, values]] of [...wanted].entries())
      expect([...floatsOf(result![name]!)], Object.keys(CASES)[i]).toEqual(values)
    expect(made.program.steps.filter(({ op }) => op.endsWith('conv_int'))).toHaveLength(wanted.size)
  })
})
