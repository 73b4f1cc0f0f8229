import { describe, expect, test } from 'vitest'
import type { DatasetKind, Preprocessing } from '../../../src/contract/dataset'
import {
  ArrayPreprocessing,
  AudioPreprocessing,
  ImagePreprocessing,
  TextPreprocessing,
} from '../../../src/contract/dataset'
import type { Batch } from '../../../src/engine/data/dataset'
import { seeded } from '../../../src/engine/math/random'
import { float32, int64, type Value } from '../../../src/engine/runtime'
import { augmentationFor } from '../../../src/engine/training/augmentation'

const ARRAYS = ArrayPreprocessing.parse({ kind: 'array' })

const batchOf = (inputs: Record<string, Value>): Batch => ({
  indices: Array.from({ length: Object.values(inputs)[0]!.dims[0]! }, (_, i) => i),
  inputs,
})

const augmented = (
  inputs: Record<string, Value>,
  preprocessing: Preprocessing = ARRAYS,
  strength = 1,
  seed = 0,
  kind: DatasetKind = 'npz',
): Record<string, Value> | undefined => {
  const batch = batchOf(inputs)
  return augmentationFor(batch, { kind, preprocessing }, strength)?.(batch, seeded(0).fork(`${seed}`)).inputs
}

/** A bright spot with soft edges at (x, y) of a square picture. */
function spot(side: number, x: number, y: number): Float32Array {
  return Float32Array.from({ length: side * side }, (_, i) =>
    Math.exp(-(((i % side) - x) ** 2 + (Math.floor(i / side) - y) ** 2) / 8),
  )
}

/** Centre of brightness. */
function centre(picture: Float32Array, side: number): [x: number, y: number] {
  let [sum, x, y] = [0, 0, 0]
  picture.forEach((value, i) => {
    sum += value
    x += value * (i % side)
    y += value * Math.floor(i / side)
  })
  return [x / sum, y / sum]
}

describe('pictures', () => {
  const side = 28
  const picture = spot(side, 13.5, 13.5)

  test('are moved by at most 7% of a side at strength 1, a different way each time', () => {
    const x = float32([1, 1, side, side], picture)
    const moves = Array.from({ length: 40 }, (_, seed) => {
      const [cx, cy] = centre(augmented({ x }, ARRAYS, 1, seed)!.x!.data as Float32Array, side)
      return [cx - 13.5, cy - 13.5] as const
    })
    const far = Math.max(...moves.flatMap(([dx, dy]) => [Math.abs(dx), Math.abs(dy)]))
    expect(far).toBeLessThan(0.07 * side + 0.4)
    expect(far).toBeGreaterThan(1)
    expect(new Set(moves.map(([dx]) => dx.toFixed(4))).size).toBe(40)
    expect(x.data).toEqual(spot(side, 13.5, 13.5))
  })

  test('keep a plain surface plain, corners included', () => {
    const x = float32([2, 3, 9, 12], new Float32Array(2 * 3 * 9 * 12).fill(0.25))
    for (const value of augmented({ x }, ARRAYS, 2)!.x!.data as Float32Array)
      expect(value).toBeCloseTo(0.25, 6)
  })

  test('a slope of brightness stays a slope: interpolation is linear', () => {
    const slope = Float32Array.from({ length: 40 * 40 }, (_, i) => 2 * (i % 40) + 3 * Math.floor(i / 40))
    const out = augmented({ x: float32([1, 1, 40, 40], slope) }, ARRAYS, 0.5, 3)!.x!.data as Float32Array
    const at = (x: number, y: number): number => out[y * 40 + x]!
    // Far from the borders, which are repeated.
    const right = at(16, 15) - at(15, 15)
    const down = at(15, 16) - at(15, 15)
    for (let y = 12; y < 27; y++)
      for (let x = 12; x < 27; x++)
        expect(at(x, y)).toBeCloseTo(at(15, 15) + right * (x - 15) + down * (y - 15), 3)
  })

  test('all channels move together, whichever way they lie', () => {
    const planes = Float32Array.from([...picture, ...picture.map((v) => 2 * v), ...picture.map((v) => 3 * v)])
    const size = side * side
    const first = augmented({ x: float32([1, 3, side, side], planes) }, ARRAYS, 1, 5)!.x!.data as Float32Array
    const last = Float32Array.from(
      { length: 3 * size },
      (_, i) => planes[(i % 3) * size + Math.floor(i / 3)]!,
    )
    const interleaved = augmented({ x: float32([1, side, side, 3], last) }, ARRAYS, 1, 5)!.x!
      .data as Float32Array
    for (let i = 0; i < size; i++)
      for (let c = 0; c < 3; c++) {
        expect(first[c * size + i]).toBeCloseTo((c + 1) * first[i]!, 5)
        expect(interleaved[3 * i + c]).toBeCloseTo(first[c * size + i]!, 6)
      }
  })

  test('are known by their preprocessing where they lie flat', () => {
    const x = float32([1, side * side], picture)
    const flat = ImagePreprocessing.parse({
      kind: 'image',
      width: side,
      height: side,
      channels: 1,
      layout: 'flat',
    })
    const square = augmented({ x: float32([1, 1, side, side], picture) }, ARRAYS, 1, 2)!.x!
    expect(augmented({ x }, flat, 1, 2)!.x!.data).toEqual(square.data)
    expect(augmented({ x: float32([1, side, side], picture) }, flat, 1, 2)!.x!.data).toEqual(square.data)
    expect(augmented({ x })).toBeUndefined()
  })
})

describe('signals', () => {
  const length = 100
  const ramp = (channel: number): number[] => Array.from({ length }, (_, t) => 1 + t + 200 * channel)

  test('are turned around in time by at most a tenth, and made stronger or weaker, channels alike', () => {
    const x = float32([1, 2, length], Float32Array.from([...ramp(0), ...ramp(1)]))
    const seen = new Set<number>()
    for (let seed = 0; seed < 30; seed++) {
      const out = augmented({ x }, ARRAYS, 1, seed)!.x!.data as Float32Array
      const gain = out.subarray(0, length).reduce((sum, v) => sum + v, 0) / ((length * (length + 1)) / 2)
      expect(Math.abs(gain - 1)).toBeLessThanOrEqual(0.2 + 1e-6)
      const shift = Math.round(out[0]! / gain) - 1
      for (let t = 0; t < length; t++) {
        expect(out[t]).toBeCloseTo(gain * (1 + ((t + shift) % length)), 3)
        expect(out[length + t]).toBeCloseTo(gain * (201 + ((t + shift) % length)), 3)
      }
      expect(Math.min(shift, length - shift)).toBeLessThanOrEqual(10)
      seen.add(shift)
    }
    expect(seen.size).toBeGreaterThan(5)
  })

  test('have their time where there is most of it; sound has nothing else', () => {
    const channelsFirst = augmented({ x: float32([1, 1, length], Float32Array.from(ramp(0))) }, ARRAYS, 1, 4)!
    const channelsLast = augmented({ x: float32([1, length, 1], Float32Array.from(ramp(0))) }, ARRAYS, 1, 4)!
    const sound = AudioPreprocessing.parse({ kind: 'audio', sampleRate: 16_000, samples: length })
    const mono = augmented({ x: float32([1, length], Float32Array.from(ramp(0))) }, sound, 1, 4)!
    expect(channelsLast.x!.data).toEqual(channelsFirst.x!.data)
    expect(mono.x!.data).toEqual(channelsFirst.x!.data)
  })
})

describe('tokens', () => {
  const [START, END, PAD] = [901, 902, 0]
  const LENGTH = 18
  const rows = Array.from({ length: 20 }, (_, i) => {
    const words = Array.from({ length: 6 + (i % 5) }, (_, t) => 10 + ((7 * i + 3 * t) % 80))
    const tokens = [START, ...words, END]
    return [...tokens, ...Array.from({ length: LENGTH - tokens.length }, () => PAD)]
  })
  const flat = rows.flat()
  const ids = int64([20, LENGTH], BigInt64Array.from(flat, BigInt))
  const mask = int64(
    [20, LENGTH],
    BigInt64Array.from(flat, (id) => (id === PAD ? 0n : 1n)),
  )

  test('are replaced by what others have in their place; beginnings, ends, padding and masks stay', () => {
    const out = augmented({ mask, ids })!
    expect(out.mask).toBe(mask)
    const isWord = (id: number): boolean => ![START, END, PAD].includes(id)
    let changed = 0
    ;(out.ids!.data as BigInt64Array).forEach((id, i) => {
      const before = flat[i]!
      if (Number(id) !== before) changed++
      if (!isWord(before)) expect(Number(id)).toBe(before)
      else expect(rows.map((row) => row[i % LENGTH]!).filter(isWord)).toContain(Number(id))
    })
    // A share drawn between nothing and 60% a sample: three tenths on average.
    const share = changed / flat.filter(isWord).length
    expect(share).toBeGreaterThan(0.15)
    expect(share).toBeLessThan(0.45)
    expect(ids.data).toEqual(BigInt64Array.from(flat, BigInt))
  })

  test('int32 ids are replaced too; a single sample has nothing to take from', () => {
    const few: Value = { dtype: 'int32', dims: [20, LENGTH], data: Int32Array.from(flat) }
    expect(augmented({ ids: few })!.ids!.data).not.toEqual(few.data)
    expect(augmented({ ids: int64([1, LENGTH], BigInt64Array.from(rows[0]!, BigInt)) })).toBeUndefined()
  })

  test.each(['mask', 'padding'])('filled up in front, known by its %s: nothing moves in or out', (how) => {
    const front = rows.flatMap((row) => {
      const used = row.filter((id) => id !== PAD)
      return [...row.filter((id) => id === PAD), ...used]
    })
    const turned = int64([20, LENGTH], BigInt64Array.from(front, BigInt))
    const counts = int64(
      [20, LENGTH],
      BigInt64Array.from(front, (id) => (id === PAD ? 0n : 1n)),
    )
    const text = TextPreprocessing.parse({ kind: 'text', maxLength: LENGTH, padId: PAD })
    for (let seed = 0; seed < 10; seed++) {
      const out =
        how === 'mask'
          ? augmented({ ids: turned, attention_mask: counts }, ARRAYS, 1, seed)!
          : augmented({ ids: turned }, text, 1, seed, 'text')!
      ;(out.ids!.data as BigInt64Array).forEach((id, i) => expect(id === 0n).toBe(front[i] === PAD))
    }
  })

  test('integers are tokens where they are text, or many in an array; columns with categories are none', () => {
    const few = int64(
      [20, 4],
      BigInt64Array.from({ length: 80 }, (_, i) => BigInt(i)),
    )
    const text = TextPreprocessing.parse({ kind: 'text', maxLength: 4 })
    expect(augmented({ few })).toBeUndefined()
    expect(augmented({ few }, text, 1, 0, 'text')).toBeDefined()
    expect(augmented({ ids }, ARRAYS, 1, 0, 'table')).toBeUndefined()
  })
})

test('one seed augments alike, another otherwise; strength 0 augments nothing', () => {
  const x = float32([2, 1, 28, 28], Float32Array.from([...spot(28, 9, 12), ...spot(28, 15, 20)]))
  expect(augmented({ x }, ARRAYS, 1, 1)).toEqual(augmented({ x }, ARRAYS, 1, 1))
  expect(augmented({ x }, ARRAYS, 1, 1)).not.toEqual(augmented({ x }, ARRAYS, 1, 2))
  expect(augmented({ x }, ARRAYS, 0)).toBeUndefined()
})

test.each([
  ['columns of numbers', [4, 5]],
  ['many columns of numbers', [2, 784]],
  ['a few vectors', [2, 10, 300]],
  ['a square of vectors', [2, 16, 16]],
  ['frames of a spectrum', [2, 40, 101]],
  ['frames of a spectrum with a channel', [2, 1, 40, 101]],
  ['rows of sensors', [2, 1, 22, 500]],
  ['maps of features', [2, 64, 12, 12]],
  ['pictures of a few dots', [2, 3, 4, 4]],
])('%s are not augmented', (_, dims) => {
  const x = float32(dims, new Float32Array(dims.reduce((n, dim) => n * dim)))
  expect(augmented({ x })).toBeUndefined()
})

test('the ends of a long picture move no further than those of a square one', () => {
  const [height, width] = [16, 160]
  const rows = Float32Array.from({ length: height * width }, (_, i) => Math.floor(i / width))
  const long = ImagePreprocessing.parse({ kind: 'image', width, height, channels: 1 })
  const x = float32([1, 1, height, width], rows)
  let far = 0
  for (let seed = 0; seed < 20; seed++)
    (augmented({ x }, long, 1, seed)!.x!.data as Float32Array).forEach((row, i) => {
      far = Math.max(far, Math.abs(row - rows[i]!))
    })
  expect(far).toBeGreaterThan(1)
  expect(far).toBeLessThan(height / 3)
})

test('two pictures of one sample stay: they may belong together', () => {
  const x = float32([2, 1, 28, 28], new Float32Array(2 * 784))
  expect(augmented({ left: x, right: x })).toBeUndefined()
  expect(augmented({ left: x, facts: float32([2, 5], new Float32Array(10)) })).toBeDefined()
})

test('numbers beside tokens, and their tokens, stay', () => {
  const inputs = { table: float32([4, 20], new Float32Array(80)), ids: int64([4, 20], new BigInt64Array(80)) }
  expect(augmented(inputs)).toBeUndefined()
})
