import { expect, test } from 'vitest'
import {
  affineOf,
  quantize,
  type Affine,
  type IntegerType,
} from '../../../../src/engine/math/quantize/affine'
import { dequantizeChannels, quantizeChannels } from '../../../../src/engine/math/quantize/channels'
import { seeded } from '../../../../src/engine/math/random'
import { Model, Tensor, type DType } from '../../../../src/engine/onnx'
import { float32, withSession } from '../../../../src/engine/runtime'

const dequantize = (code: number, { scale, zeroPoint }: Affine): number =>
  Math.fround((code - zeroPoint) * scale)

const TYPES: [DType, IntegerType][] = [
  ['uint8', { bits: 8, signed: false, symmetric: false }],
  ['int8', { bits: 8, signed: true, symmetric: false }],
  ['int8', { bits: 8, signed: true, symmetric: true }],
  ['uint8', { bits: 8, signed: false, symmetric: true }],
]

test.each(TYPES)('codes are those of ONNX Runtime: %s %o', async (dtype, type) => {
  const random = seeded(1)
  const values = Float32Array.from({ length: 4000 }, () => random.normal() * 3)
  const affine = affineOf(-4.1, 7.3, type)
  // Half steps, where rounding decides.
  for (let i = 0; i < 200; i++) values[i] = Math.fround((i - 100 + 0.5) * affine.scale)
  const model = new Model()
  model.irVersion = 8
  model.opsets.set('', 18)
  const { graph } = model
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [null] })
  const scale = graph.addInitializer('scale', Tensor.scalar('float32', affine.scale))
  const zero = graph.addInitializer('zero', Tensor.scalar(dtype, affine.zeroPoint))
  graph.addNode({ opType: 'QuantizeLinear', inputs: ['x', scale, zero], outputs: ['q'] })
  graph.addNode({ opType: 'DequantizeLinear', inputs: ['q', scale, zero], outputs: ['y'] })
  graph.outputs.push({ name: 'y', dtype: 'float32' }, { name: 'q', dtype })
  const { y, q } = await withSession(model, { optimization: 'disabled' }, (s) =>
    s.run({ x: float32([4000], values) }),
  )
  const [low, high] = [affine.low, affine.high]
  const kept = Array.from(q!.data as Int8Array, (code) => Math.min(high, Math.max(low, code)))
  expect(Array.from(values, (v) => quantize(v, affine))).toEqual(kept)
  const inside = Array.from(values.keys()).filter((i) => (q!.data as Int8Array)[i]! >= low)
  const back = values.map((value) => dequantize(quantize(value, affine), affine))
  for (const i of inside) expect(back[i]).toBe((y!.data as Float32Array)[i])
})

test('zero is exact whatever the range, and an empty range is usable', () => {
  for (const [, type] of TYPES)
    for (const [min, max] of [
      [-1, 5],
      [2, 9],
      [-7, -3],
      [0, 0],
      [1e-30, 1e-29],
      [-3e38, 3e38],
    ] as const) {
      const affine = affineOf(min, max, type)
      expect(affine.scale).toBeGreaterThan(0)
      expect(Number.isFinite(affine.scale)).toBe(true)
      expect(dequantize(quantize(0, affine), affine)).toBe(0)
    }
})

test('per-channel codes: half a step of error at most, an all-zero channel stays zero', () => {
  const random = seeded(2)
  const dims = [4, 3, 5]
  const values = Float32Array.from({ length: 60 }, (_, i) =>
    Math.floor(i / 5) % 3 === 1 ? 0 : random.normal(),
  )
  const codes = quantizeChannels(values, dims, {
    bits: 8,
    signed: true,
    symmetric: true,
    axis: 1,
    clip: 'max',
  })
  const back = dequantizeChannels(codes, dims, 1)
  expect(codes.scales).toHaveLength(3)
  for (let i = 0; i < 60; i++)
    expect(Math.abs(back[i]! - values[i]!)).toBeLessThanOrEqual(codes.scales[Math.floor(i / 5) % 3]! * 0.5001)
  expect(back.filter((_, i) => Math.floor(i / 5) % 3 === 1).every((v) => v === 0)).toBe(true)
})

test('clipping by squared error beats the full range where one value is far out', () => {
  const random = seeded(3)
  const values = Float32Array.from({ length: 4096 }, () => random.normal())
  values[7] = 40
  const error = (clip: 'max' | 'mse'): number => {
    const codes = quantizeChannels(values, [4096], { bits: 4, signed: true, symmetric: true, clip })
    return dequantizeChannels(codes, [4096], undefined).reduce((sum, v, i) => sum + (v - values[i]!) ** 2, 0)
  }
  expect(error('mse')).toBeLessThan(0.8 * error('max'))
})
