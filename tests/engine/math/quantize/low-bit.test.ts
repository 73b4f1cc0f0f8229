import { expect, test } from 'vitest'
import { matrix } from '../../../../src/engine/math/matrix'
import { gptq, outputError, withDrift } from '../../../../src/engine/math/quantize/gptq'
import { inputScaling } from '../../../../src/engine/math/quantize/awq'
import { dequantizeGroups, quantizeGroups } from '../../../../src/engine/math/quantize/grouped'
import type { GridName } from '../../../../src/engine/math/quantize/grids'
import { ternaryScale } from '../../../../src/engine/math/quantize/grids/ternary'
import { fromCodebook, sharedValues } from '../../../../src/engine/math/quantize/kmeans'
import { packPlanes, planesOf } from '../../../../src/engine/math/quantize/pack'
import { sqnr } from '../../../../src/engine/math/quantize/sqnr'
import { seeded } from '../../../../src/engine/math/random'
import { matmul } from '../../../../src/engine/runtime'

const random = seeded(11)
const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())
const base = { symmetric: false, halfScales: true }

/** XᵀX of correlated inputs: a few directions carry most. */
function hessian(cols: number, samples = 400): ReturnType<typeof matrix<Float64Array>> {
  const mix = normals(cols * cols)
  const data = new Float64Array(cols * cols)
  for (let s = 0; s < samples; s++) {
    const seedRow = Array.from({ length: cols }, (_, i) => random.normal() * 3 ** (-i / 3))
    const row = Array.from({ length: cols }, (_, c) =>
      seedRow.reduce((sum, v, i) => sum + v * mix[i * cols + c]!, 0),
    )
    for (let i = 0; i < cols; i++) for (let j = 0; j < cols; j++) data[i * cols + j]! += row[i]! * row[j]!
  }
  return matrix(cols, cols, data)
}

test.each([2, 3, 4, 8])('%i bits: least squares beats plain rounding, more bits beat fewer', (bits) => {
  const values = normals(64 * 128)
  const shape = { rows: 64, cols: 128, block: 64, bits }
  const quality = (method: GridName): number =>
    sqnr(values, dequantizeGroups(quantizeGroups(values, shape, { ...base, method })))
  expect(quality('mse')).toBeGreaterThan(quality('rtn') - 0.01)
  expect(quality('mse')).toBeGreaterThan(5.2 * bits - 4)
})

test('the ternary scale is the best of all there are', () => {
  for (let round = 0; round < 20; round++) {
    const part = normals(9)
    const error = (s: number): number =>
      part.reduce((sum, v) => sum + Math.min(v * v, (Math.abs(v) - s) ** 2), 0)
    const found = error(ternaryScale(part))
    for (let s = 0.01; s < 4; s += 0.01) expect(found).toBeLessThanOrEqual(error(s) + 1e-4)
  }
})

test('binary is the sign times the mean magnitude', () => {
  const values = normals(32)
  const { scales, zeros, ...rest } = quantizeGroups(
    values,
    { rows: 1, cols: 32, block: 32, bits: 1 },
    { ...base, halfScales: false, method: 'binary' },
  )
  const mean = values.reduce((sum, v) => sum + Math.abs(v), 0) / 32
  const back = dequantizeGroups({ ...rest, scales, zeros })
  for (let i = 0; i < 32; i++) expect(back[i]).toBeCloseTo(Math.sign(values[i]!) * mean, 5)
})

test.each([2, 4])(
  'GPTQ at %i bits: outputs are closer than with rounding, and close to the best there is',
  async (bits) => {
    const [rows, cols] = [16, 96]
    const values = normals(rows * cols)
    const h = hessian(cols)
    const shape = { rows, cols, block: 32, bits }
    const rounded = quantizeGroups(values, shape, { ...base, method: 'mse' })
    const error = (codes: typeof rounded): Promise<number> =>
      outputError(matmul, values, dequantizeGroups(codes), rows, h)
    const one = await gptq(matmul, values, shape, h, { ...base, method: 'mse', damping: 0.01, sweeps: 0 })
    const swept = await gptq(matmul, values, shape, h, { ...base, method: 'mse', damping: 0.01, sweeps: 3 })
    expect(await error(one)).toBeLessThan(0.5 * (await error(rounded)))
    expect(await error(swept)).toBeLessThan(await error(one))
  },
)

test('GPTQ finds the optimum of a problem small enough to try all codes', async () => {
  const values = Float32Array.of(0.9, -0.4, 0.55)
  const h = matrix(3, 3, Float64Array.of(4, 3, 1, 3, 5, 2, 1, 2, 3))
  const shape = { rows: 1, cols: 3, block: 3, bits: 2 }
  const found = await gptq(matmul, values, shape, h, { ...base, method: 'rtn', damping: 1e-6, sweeps: 4 })
  const cost = (codes: Uint8Array): Promise<number> =>
    outputError(matmul, values, dequantizeGroups({ ...found, codes }), 1, h)
  let least = Infinity
  for (let i = 0; i < 64; i++) least = Math.min(least, await cost(Uint8Array.of(i & 3, (i >> 2) & 3, i >> 4)))
  expect(await cost(found.codes)).toBeLessThan(least * 1.3 + 1e-9)
})

test('GPTQ takes inputs that never fire', async () => {
  const h = hessian(16)
  for (let i = 0; i < 16; i++) h.data[3 * 16 + i] = h.data[i * 16 + 3] = 0
  const codes = await gptq(matmul, normals(64), { rows: 4, cols: 16, block: 16, bits: 4 }, h, {
    ...base,
    method: 'mse',
    damping: 0.01,
    sweeps: 1,
  })
  expect(dequantizeGroups(codes).every(Number.isFinite)).toBe(true)
})

test('AWQ scales inputs where a few are large', async () => {
  const [rows, cols] = [32, 64]
  const values = normals(rows * cols)
  const h = matrix(cols, cols, new Float64Array(cols * cols))
  for (let i = 0; i < cols; i++) h.data[i * cols + i] = i % 16 === 0 ? 4000 : 1
  const found = await inputScaling(matmul, values, { rows, cols, block: 64, bits: 4 }, h, {
    ...base,
    method: 'rtn',
  })
  expect(found!.gain).toBeLessThan(0.7)
  expect(found!.scale[0]!).toBeGreaterThan(found!.scale[1]!)
})

test('k-means is as good as trying every split', () => {
  for (let round = 0; round < 10; round++) {
    const values = normals(9).sort()
    const spread = (from: number, to: number): number => {
      const part = values.subarray(from, to)
      const mean = part.reduce((a, b) => a + b, 0) / part.length
      return part.reduce((sum, v) => sum + (v - mean) ** 2, 0)
    }
    let least = Infinity
    for (let a = 1; a < 8; a++)
      for (let b = a + 1; b < 9; b++) least = Math.min(least, spread(0, a) + spread(a, b) + spread(b, 9))
    const back = fromCodebook(sharedValues(values, 3, { keepZeros: false }))
    expect(back.reduce((sum, v, i) => sum + (v - values[i]!) ** 2, 0)).toBeLessThanOrEqual(
      least * 1.001 + 1e-6,
    )
  }
})

test('k-means: zeros stay zero, few distinct values stay themselves', () => {
  const values = normals(500).map((v, i) => (i % 3 ? 0 : v))
  const codebook = sharedValues(values, 8, { keepZeros: true })
  const back = fromCodebook(codebook)
  expect(codebook.centroids).toHaveLength(8)
  expect(values.every((v, i) => v !== 0 || back[i] === 0)).toBe(true)
  const few = Float32Array.of(1, 2, 1, 3, 2)
  expect(fromCodebook(sharedValues(few, 16, { keepZeros: true }))).toEqual(few)
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  '%i bits take that many bits, planes put together give the codes',
  (bits) => {
    const [rows, cols, block] = [3, 80, 32]
    const codes = Uint8Array.from({ length: rows * cols }, () => random.below(2 ** bits))
    const planes = packPlanes({ rows, cols, block, bits, codes })
    expect(planes.map((plane) => plane.bits)).toEqual(planesOf(bits))
    expect(planes.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe((rows * 3 * 32 * bits) / 8)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < cols; c++) {
        const at = r * 96 + c
        let [code, shift] = [0, 0]
        for (const plane of planes) {
          const perByte = 8 / plane.bits
          code |=
            ((plane.bytes[Math.floor(at / perByte)]! >> ((at % perByte) * plane.bits)) &
              (2 ** plane.bits - 1)) <<
            shift
          shift += plane.bits
        }
        expect(code).toBe(codes[r * cols + c])
      }
  },
)

test('weights make up for what became of their inputs', async () => {
  const [rows, cols, samples] = [3, 5, 60]
  const random = seeded(3)
  const draw = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal())
  const now = matrix(samples, cols, draw(samples * cols))
  const mix = matrix(cols, cols, draw(cols * cols))
  const then = await matmul(now, mix)
  const w = Float32Array.from(draw(rows * cols))
  const moved = { ...then, data: then.data.map((v, i) => v - now.data[i]!) }
  const sums = {
    xx: await matmul(now, now, { transA: true }),
    drift: await matmul(now, moved, { transA: true }),
  }
  // X = X̂·M, so that W·Mᵀ does with X̂ what W did with X.
  const wanted = await matmul(matrix(rows, cols, Float64Array.from(w)), mix, { transB: true })
  const found = await withDrift(matmul, w, sums, 1e-9)
  found.forEach((v, i) => expect(v).toBeCloseTo(wanted.data[i]!, 4))
})
