import fs from 'node:fs'
import { unzipSync, zipSync } from 'fflate'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { mutateBytes } from '../../attack/mutate/bytes'
import { mutatePng, mutateZip } from '../../attack/mutate/containers'
import { mutateJson } from '../../attack/mutate/json'
import { encodeFields, mutateWire, parseFields } from '../../attack/mutate/wire'
import { minimise } from '../../attack/support/minimise'
import { seeded } from '../../src/engine/math/random'

const model = new Uint8Array(fs.readFileSync('resources/samples/bearing/cnn1d.onnx'))
const many = Array.from({ length: 40 }, (_, i) => seeded(7).fork(`case ${i}`))

describe('damage', () => {
  test('is the same for the same seed, other for another, and leaves the input alone', () => {
    const before = model.slice()
    const of = (seed: number): Uint8Array => mutateBytes(model, seeded(seed))
    expect(of(3)).toEqual(of(3))
    expect(Buffer.compare(of(3), of(4))).not.toBe(0)
    expect(model).toEqual(before)
  })

  test('inside a message leaves it a message', () => {
    for (const random of many) {
      const out = mutateWire(model, random)
      expect(parseFields(out)).toBeDefined()
    }
  })

  test('a message put together again is the same bytes', () => {
    expect(encodeFields(parseFields(model)!)).toEqual(model)
  })

  test('inside JSON leaves it JSON', () => {
    const text = Buffer.from(JSON.stringify({ a: [1, { b: 'c' }], d: null }))
    for (const random of many)
      expect(() => JSON.parse(Buffer.from(mutateJson(text, random)).toString()) as unknown).not.toThrow()
  })

  test('inside lines of JSON, each a text of its own, leaves them that', () => {
    const lines = Buffer.from(Array.from({ length: 5 }, (_, i) => JSON.stringify({ a: [i] })).join('\n'))
    const damaged = many.map((random) => Buffer.from(mutateJson(lines, random)).toString().trimEnd())
    for (const text of damaged) for (const line of text.split('\n')) JSON.parse(line)
    expect(damaged.every((text) => text.split('\n').length === 5)).toBe(true)
    expect(damaged.filter((text) => text !== lines.toString()).length).toBeGreaterThan(30)
  })

  test('inside an archive gets past its check sums', () => {
    const zip = zipSync({ 'a.npy': new Uint8Array(200).fill(7), 'b.npy': new Uint8Array(10) })
    const damaged = many.map((random) => unzipSync(mutateZip(zip, random)))
    expect(damaged.some((entries) => entries['a.npy'] && !entries['a.npy'].every((b) => b === 7))).toBe(true)
  })

  test('inside a PNG gets past its check sums', async () => {
    const pixels = { width: 8, height: 8, channels: 3, background: '#336699' } as const
    const png = new Uint8Array(await sharp({ create: pixels }).png().toBuffer())
    const sizes = await Promise.all(
      many.map((random) =>
        sharp(mutatePng(png, random))
          .metadata()
          .then(({ width }) => width)
          .catch(() => 0),
      ),
    )
    expect(sizes.some((width) => width !== 8 && width !== 0)).toBe(true)
  })
})

test('a failing input is made as small as it goes', async () => {
  const bytes = Uint8Array.from({ length: 200 }, (_, i) => i)
  const fails = async (part: Uint8Array): Promise<boolean> => part.includes(42) && part.includes(150)
  expect([...(await minimise(bytes, fails, 400))]).toEqual([42, 150])
})
