import fc from 'fast-check'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { previewOf, shorten, THUMBNAIL_SIDE } from '../../../src/engine/data/preview'
import { float32, int64 } from '../../../src/engine/runtime/value'

const pixelsOf = async (thumbnail: string | undefined) => {
  const { data, info } = await sharp(Buffer.from(thumbnail!.split(',')[1]!, 'base64'))
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { pixels: Array.from(data), width: info.width, height: info.height, channels: info.channels }
}

const shown = async (dims: number[], data: ArrayLike<number>) =>
  previewOf(0, { title: 't', inputs: { x: float32(dims, Float32Array.from(data)) } }, undefined)

test('a picture is stretched from black to white, whatever its layout', async () => {
  const [height, width] = [4, 5]
  const value = (y: number, x: number, c: number): number => -3 + 0.1 * (y * width + x) + 2 * c
  const [low, high] = [value(0, 0, 0), value(3, 4, 2)]
  const expected: number[] = []
  const first = new Float32Array(60)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        first[c * 20 + y * width + x] = value(y, x, c)
        expected.push(Math.round((255 * (value(y, x, c) - low)) / (high - low)))
      }
  const last = Array.from({ length: 60 }, (_, i) => value(Math.floor(i / 15), Math.floor(i / 3) % 5, i % 3))
  for (const { thumbnail } of [await shown([1, 3, 4, 5], first), await shown([1, 4, 5, 3], last)]) {
    const { pixels, ...size } = await pixelsOf(thumbnail)
    expect(size).toEqual({ width, height, channels: 3 })
    for (const [i, pixel] of pixels.entries()) expect(Math.abs(pixel - expected[i]!)).toBeLessThanOrEqual(1)
  }
})

test('a flat picture is black, a large one is made small in its proportions', async () => {
  const flat = await pixelsOf((await shown([1, 1, 8, 8], new Float32Array(64).fill(7))).thumbnail)
  expect(new Set(flat.pixels)).toEqual(new Set([0]))
  const wide = await shown(
    [1, 1, 100, 400],
    new Float32Array(40_000).map((_, i) => i),
  )
  expect(await pixelsOf(wide.thumbnail)).toMatchObject({ width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE / 4 })
})

test('what is no picture is curves along its longest axis, or numbers where there are few', async () => {
  const wave = (channel: number, t: number): number => 10 * channel + t
  const first = Float32Array.from({ length: 120 }, (_, i) => wave(Math.floor(i / 40), i % 40))
  const last = Float32Array.from({ length: 120 }, (_, i) => wave(i % 3, Math.floor(i / 3)))
  const curves = [0, 1, 2].map((channel) => Array.from({ length: 40 }, (_, t) => wave(channel, t)))
  expect((await shown([1, 3, 40], first)).series).toEqual(curves)
  expect((await shown([1, 40, 3], last)).series).toEqual(curves)
  expect((await shown([1, 20, 40], new Float32Array(800))).series).toHaveLength(8)
  expect((await shown([1, 2], [0.1, 2])).values).toEqual([
    { name: 'x 1', value: 0.1 },
    { name: 'x 2', value: 2 },
  ])
})

test('numbers are called as the data calls them; a scalar as its input', async () => {
  const inputs = { row: float32([1, 2], Float32Array.of(1, 2)), age: int64([1], [42]) }
  const { values } = await previewOf(3, { title: 't', inputs, columns: { row: ['width', 'height'] } }, 'cat')
  expect(values).toEqual([
    { name: 'width', value: 1 },
    { name: 'height', value: 2 },
    { name: 'age', value: 42 },
  ])
})

test('text or a ready picture stands for itself', async () => {
  const inputs = { x: float32([1, 2], Float32Array.of(1, 2)) }
  expect(await previewOf(3, { title: 't', text: 'hello', inputs }, 'cat')).toEqual({
    index: 3,
    title: 't',
    text: 'hello',
    label: 'cat',
  })
  expect(await previewOf(0, { title: 't', thumbnail: 'data:', inputs }, undefined)).toEqual({
    index: 0,
    title: 't',
    thumbnail: 'data:',
  })
})

test('a shortened curve keeps its highest and lowest point and the order of what it keeps', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 2000 }),
      (points) => {
        const short = shorten(points)
        expect(short.length).toBeLessThanOrEqual(256)
        if (points.length <= 256) expect(short).toEqual(points)
        expect([Math.min(...short), Math.max(...short)]).toEqual([Math.min(...points), Math.max(...points)])
        let at = 0
        for (const value of short) {
          const next = points.indexOf(value, at)
          expect(next).toBeGreaterThanOrEqual(at)
          at = next
        }
      },
    ),
  )
})
