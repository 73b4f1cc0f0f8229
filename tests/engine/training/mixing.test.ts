import { expect, test } from 'vitest'
import type { Batch } from '../../../src/engine/data/dataset'
import { seeded } from '../../../src/engine/math/random'
import { float32, int64, type Value } from '../../../src/engine/runtime'
import { canMix, mixed } from '../../../src/engine/training/mixing'

const batchOf = (inputs: Record<string, Value>, labels?: Value): Batch => ({
  indices: [0, 1],
  inputs,
  ...(labels && { labels }),
})

const big = (...rows: number[][]): Value =>
  int64([rows.length, rows[0]!.length], BigInt64Array.from(rows.flat(), BigInt))

const rowsOf = ({ data, dims }: Value): number[][] => {
  const all = Array.from(data as BigInt64Array, Number)
  return Array.from({ length: dims[0]! }, (_, r) => all.slice(r * dims[1]!, (r + 1) * dims[1]!))
}

test('numbers are blended with one share for the whole batch; other inputs stay', () => {
  const kinds = int64([2, 1], BigInt64Array.of(1n, 2n))
  const x = float32([2, 2], Float32Array.of(0, 0, 1, 1))
  const shares = [1, 2, 3, 4, 5, 6].map((seed) => {
    const { inputs } = mixed(batchOf({ x, kinds }), seeded(0).fork(`${seed}`))
    expect(inputs.kinds).toBe(kinds)
    const [a, b, c, d] = inputs.x!.data as Float32Array
    expect(b).toBe(a)
    expect(d).toBe(c)
    // Each row is with itself or with the other, by the same share.
    expect(a === 0 ? c : a! + c!).toBeCloseTo(1, 6)
    return a
  })
  expect(shares.some((share) => share! > 0 && share! < 1)).toBe(true)
  expect(x.data).toEqual(Float32Array.of(0, 0, 1, 1))
})

test('of tokens one sample gives the beginning, another the rest, in all inputs at the same place', () => {
  const ids = big([11, 12, 13, 14, 0, 0, 0, 0], [21, 22, 23, 24, 25, 26, 0, 0])
  const mask = big([1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0, 0])
  const labels = big([11, 12, 13, 14, -100, -100, -100, -100], [21, 22, 23, 24, 25, 26, -100, -100])
  const lengths = [4, 6]
  let joined = 0
  for (let seed = 0; seed < 30; seed++) {
    const made = mixed(batchOf({ ids, mask }, labels), seeded(0).fork(`${seed}`))
    const [tokens, marks, wanted] = [made.inputs.ids!, made.inputs.mask!, made.labels!].map(rowsOf)
    tokens!.forEach((row, r) => {
      const own = row.filter((id) => Math.floor(id / 10) === r + 1).length
      const foreign = row.filter((id) => id > 0 && Math.floor(id / 10) !== r + 1).length
      if (foreign > 0) joined++
      expect(own).toBeGreaterThan(0)
      expect(own).toBeLessThanOrEqual(lengths[r]!)
      // What is foreign stands where it stood, right behind.
      row.slice(own, own + foreign).forEach((id, i) => expect(id % 10).toBe(own + i + 1))
      expect(marks![r]).toEqual(row.map((id) => Number(id > 0)))
      expect(wanted![r]).toEqual(row.map((id) => (id > 0 ? id : -100)))
    })
  }
  expect(joined).toBeGreaterThan(5)
})

test('labels of whole samples stay those of the first', () => {
  const labels = int64([2], BigInt64Array.of(3n, 4n))
  const { labels: after } = mixed(batchOf({ ids: big([1, 2, 0], [3, 4, 5]) }, labels), seeded(1))
  expect(after).toBe(labels)
})

test('what can be mixed', () => {
  expect(canMix(batchOf({ x: float32([2, 1], Float32Array.of(1, 2)) }))).toBe(true)
  expect(canMix(batchOf({ ids: big([1, 2], [3, 4]) }))).toBe(true)
  // Single numbers are categories, not sequences; lengths that differ have no common place to cut.
  expect(canMix(batchOf({ kind: big([1], [2]) }))).toBe(false)
  expect(canMix(batchOf({ a: big([1, 2], [3, 4]), b: big([1, 2, 3], [4, 5, 6]) }))).toBe(false)
})
