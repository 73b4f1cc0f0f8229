import { describe, expect, test } from 'vitest'
import type { PareError } from '../../../src/contract/errors'
import { digitsPerByte, digitTable, packDigits } from '../../../src/engine/math/digits'
import { distinctValues, encodeGaps } from '../../../src/engine/math/gap-code'
import { seeded } from '../../../src/engine/math/random'
import { findLayers } from '../../../src/engine/layers/find'
import { encodeModel, Tensor, type Model } from '../../../src/engine/onnx'
import { withSession } from '../../../src/engine/runtime'
import { packWeights } from '../../../src/engine/passes/pack-weights'
import { deflated } from '../../../src/engine/passes/packing/stored'
import { contextOf, perceptron, points } from '../training/support'

const random = seeded(2)

/** Nine of ten weights zero, the others of 15 values. */
function thin(hidden = 4096): Model {
  const model = perceptron(3, hidden)
  const values = Array.from({ length: 15 }, () => random.normal())
  for (const name of ['w1', 'w2']) {
    const { dims, size } = model.graph.initializers.get(name)!
    const data = Float32Array.from({ length: size }, () =>
      random.next() < 0.9 ? 0 : values[random.below(15)]!,
    )
    model.graph.initializers.set(name, Tensor.float32(dims, data))
  }
  return model
}

async function logits(model: Model): Promise<Float32Array> {
  for await (const { inputs } of points().splits.validation.batches(32))
    return withSession(model, {}, async (session) => (await session.run(inputs)).logits!.data as Float32Array)
  throw new Error('no samples')
}

/** Bytes before and after in a download, as the pass says them. */
function downloaded(summary: string): [before: number, after: number] {
  const found = [...summary.matchAll(/([\d.]+) (k|M)?B/g)].map(
    ([, digits, unit]) => Number(digits) * { k: 1e3, M: 1e6 }[unit ?? '']! || Number(digits),
  )
  return [found[0]!, found[1]!]
}

const pack = (model: Model, half: boolean) => packWeights.run(model, { half }, contextOf(model, points()))

describe('packing weights', () => {
  test('computes exactly the same in ONNX Runtime and zips far smaller', async () => {
    const model = thin()
    const { model: packed, layers, summary } = await pack(model, false)
    expect(await logits(packed)).toEqual(await logits(model))
    expect(layers!.map(({ treatment }) => treatment)).toContain('table, codes and gaps between nonzeros')
    const [before, after] = downloaded(summary)
    expect(after).toBeLessThan(0.75 * before)
    // What the pass says of its tensors is what a zip of the whole file shows.
    const saved = deflated(encodeModel(model)) - deflated(encodeModel(packed))
    expect(saved).toBeGreaterThan(0.8 * (before - after))
    // What it says of layers are the bytes of their constants in the file.
    for (const { bytesBefore, bytesAfter } of layers!) expect(bytesAfter!).toBeLessThan(0.25 * bytesBefore!)
    expect(model.graph.initializers.has('w1')).toBe(true)
  })

  test('dense weights of few values become a table', async () => {
    const model = perceptron(4, 256)
    const { dims, size } = model.graph.initializers.get('w1')!
    model.graph.initializers.set(
      'w1',
      Tensor.float32(
        dims,
        Float32Array.from({ length: size }, () => 1 + random.below(16) / 7),
      ),
    )
    const { model: packed, layers } = await pack(model, false)
    // A layer is called by its own first output, as every other pass calls it.
    const [first] = findLayers(model.graph).layers
    const bytesBefore = 4 * size
    expect(layers).toMatchObject([
      { layer: first!.name, op: 'Gemm', treatment: 'table and codes', bytesBefore },
    ])
    expect(await logits(packed)).toEqual(await logits(model))
  })

  // 3 values go five to a byte, with some left over; 8 go two to a byte.
  test.each([3, 8])('many weights of %i values take hardly more than their entropy', async (count) => {
    const model = perceptron(4, 20_011)
    const { dims, size } = model.graph.initializers.get('w1')!
    const weights = Float32Array.from({ length: size }, () => 1 + random.below(count) / 7)
    model.graph.initializers.set('w1', Tensor.float32(dims, weights))
    const { model: packed, layers, summary } = await pack(model, false)
    expect(layers).toMatchObject([{ treatment: 'table and several codes a byte' }])
    expect(downloaded(summary)[1]).toBeLessThan(1.05 * ((size * Math.log2(count)) / 8) + 400)
    expect(await logits(packed)).toEqual(await logits(model))
  })

  test('biases in half precision change answers only by its rounding', async () => {
    const model = perceptron(4, 256)
    const { model: packed } = await pack(model, true)
    const [a, b] = [await logits(model), await logits(packed)]
    expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))).toBeLessThan(0.02)
    expect(encodeModel(packed).length).toBeLessThan(0.65 * encodeModel(model).length)
  })

  test('says so where nothing can be packed', async () => {
    const thrown: unknown = await Promise.resolve()
      .then(() => pack(perceptron(4), false))
      .catch((cause: unknown) => cause)
    expect((thrown as PareError).code).toBe('model/nothing-to-do')
  })
})

describe('digits', () => {
  test.each([2, 3, 5, 8, 16])('codes of %i values come back from the table of digits', (base) => {
    const codes = Uint8Array.from({ length: 1001 }, () => random.below(base))
    const perByte = digitsPerByte(base)
    expect(base ** perByte).toBeLessThanOrEqual(256)
    const table = digitTable(base)
    const back = [...packDigits(codes, base)].flatMap((byte) => [
      ...table.subarray(byte * perByte, (byte + 1) * perByte),
    ])
    expect(back.slice(0, codes.length)).toEqual([...codes])
  })
})

describe('gap code', () => {
  test.each([0, 0.5, 0.99, 0.9999])('brings back codes with %f zeros', (share) => {
    const codes = Uint8Array.from({ length: 5000 }, () => (random.next() < share ? 3 : random.below(7)))
    const coded = encodeGaps(codes, 3)
    const back = new Uint8Array(codes.length).fill(3)
    let at = 0
    for (const [k, gap] of coded.gaps.entries()) back[(at += gap)] = coded.codes[k]!
    expect(back).toEqual(codes)
    expect(Math.max(0, ...coded.gaps)).toBeLessThanOrEqual(255)
  })

  test('distinct values rise, and minus zero is zero', () => {
    const { table, codes } = distinctValues(Float32Array.of(2, -0, 0, -1))!
    expect([...table]).toEqual([-1, 0, 2])
    expect([...codes]).toEqual([2, 1, 1, 0])
    expect(distinctValues(Float32Array.from({ length: 257 }, (_, i) => i))).toBeUndefined()
  })
})
