/** Bitmaps of every kind: the examples of Microsoft's documentation, and forms of a picture that Pillow wrote. */
import fs from 'node:fs'
import { expect, test } from 'vitest'
import { bmpSize, decodeBmp } from '../../../src/engine/data/bmp'
import { fixture } from './support'

interface Kind {
  width: number
  /** Below zero: the top row first. */
  height: number
  bits: number
  compression?: number
  palette?: number[]
  masks?: number[]
  data: number[]
}

/** A file with a header of 40 bytes; `palette` and `masks` are 32-bit words. */
function bitmap({ width, height, bits, compression = 0, palette = [], masks = [], data }: Kind): Buffer {
  const words = [...masks, ...palette]
  const head = Buffer.alloc(54 + 4 * words.length)
  head.write('BM')
  head.writeUInt32LE(head.length, 10)
  head.writeUInt32LE(40, 14)
  head.writeInt32LE(width, 18)
  head.writeInt32LE(height, 22)
  head.writeUInt16LE(1, 26)
  head.writeUInt16LE(bits, 28)
  head.writeUInt32LE(compression, 30)
  head.writeUInt32LE(palette.length, 46)
  words.forEach((word, i) => head.writeUInt32LE(word >>> 0, 54 + 4 * i))
  return Buffer.concat([head, Buffer.from(data)])
}

/** Colour i is (i, i, i), so that red tells the index. */
const greys = (count: number): number[] => Array.from({ length: count }, (_, i) => i * 0x010101)
const reds = (pixels: Uint8Array): number[] => [...pixels].filter((_, i) => i % 3 === 0)
const hex = (text: string): number[] => text.split(' ').map((byte) => parseInt(byte, 16))

test('run lengths of 8 bits, as documented', () => {
  const data = hex('03 04 05 06 00 03 45 56 67 00 02 78 00 02 05 01 02 78 00 00 09 1E 00 01')
  const { pixels } = decodeBmp(
    bitmap({ width: 20, height: 3, bits: 8, compression: 1, palette: greys(256), data }),
  )
  const row = (...values: number[]): number[] => [...values, ...Array(20 - values.length).fill(0)]
  expect(reds(pixels)).toEqual([
    ...row(...Array(9).fill(0x1e)),
    ...row(...Array(18).fill(0), 0x78, 0x78),
    ...row(...Array(3).fill(4), ...Array(5).fill(6), 0x45, 0x56, 0x67, 0x78, 0x78),
  ])
})

test('run lengths of 4 bits, as documented', () => {
  const data = hex('03 04 05 06 00 06 45 56 67 00 04 78 00 02 05 01 04 78 00 00 09 1E 00 01')
  const { pixels } = decodeBmp(
    bitmap({ width: 27, height: 3, bits: 4, compression: 2, palette: greys(16), data }),
  )
  const all = reds(pixels)
  expect(all.slice(54, 72)).toEqual([0, 4, 0, 0, 6, 0, 6, 0, 4, 5, 5, 6, 6, 7, 7, 8, 7, 8])
  expect(all.slice(27 + 23, 54)).toEqual([7, 8, 7, 8])
  expect(all.slice(0, 10)).toEqual([1, 14, 1, 14, 1, 14, 1, 14, 1, 0])
})

test.each([
  [1, [0b10110000, 0, 0, 0, 0b01000000, 0, 0, 0], [0, 1, 0, 1, 0, 1]],
  [4, [0x12, 0x30, 0, 0, 0x45, 0x60, 0, 0], [4, 5, 6, 1, 2, 3]],
  [8, [1, 2, 3, 0, 4, 5, 9, 0], [4, 5, 0, 1, 2, 3]],
])('a palette of %i bits, the bottom row first; what is behind the palette is black', (bits, data, want) => {
  const palette = greys(Math.min(2 ** bits, 8))
  expect(reds(decodeBmp(bitmap({ width: 3, height: 2, bits, palette, data })).pixels)).toEqual(want)
})

test('16 bits: five each, and by masks', () => {
  const data = [0b00011111, 0, 0xe0, 0x07]
  const shape = { width: 2, height: -1, bits: 16, data }
  const third = (value: number, most: number): number => Math.round((value * 255) / most)
  expect([...decodeBmp(bitmap(shape)).pixels]).toEqual([0, 0, 255, third(1, 31), 255, 0])
  const masks = [0xf800, 0x07e0, 0x001f]
  expect([...decodeBmp(bitmap({ ...shape, compression: 3, masks })).pixels]).toEqual([0, 0, 255, 0, 255, 0])
})

test('32 bits: plain, and by masks in another order', () => {
  const shape = { width: 1, height: 1, bits: 32, data: [1, 2, 3, 255] }
  expect([...decodeBmp(bitmap(shape)).pixels]).toEqual([3, 2, 1])
  const masks = [0xff, 0xff00, 0xff0000]
  expect([...decodeBmp(bitmap({ ...shape, compression: 3, masks })).pixels]).toEqual([1, 2, 3])
  expect([...decodeBmp(bitmap({ ...shape, compression: 3, masks: [0xff000000, 0, 0xff] })).pixels]).toEqual([
    255, 0, 1,
  ])
})

test('the header of OS/2', () => {
  const file = Buffer.from([
    ...hex('42 4D 00 00 00 00 00 00 00 00 20 00 00 00 0C 00 00 00 02 00 01 00 01 00 01 00'),
    ...[10, 20, 30, 40, 50, 60],
    ...[0b01000000, 0, 0, 0],
  ])
  expect(bmpSize(file)).toEqual({ width: 2, height: 1 })
  expect([...decodeBmp(file).pixels]).toEqual([30, 20, 10, 60, 50, 40])
})

test('what is damaged is told, and no byte of it is read from elsewhere', () => {
  const whole = fs.readFileSync(fixture('smooth.bmp'))
  for (const length of [10, 30, 60, whole.length - 3])
    expect(() => decodeBmp(whole.subarray(0, length)), String(length)).toThrow(/cut off|header/)
  const data = [5, 1]
  expect(() => decodeBmp(bitmap({ width: 5, height: 2, bits: 8, compression: 1, data }))).toThrow('cut off')
  expect(() => decodeBmp(bitmap({ width: 0, height: 2, bits: 8, data }))).toThrow('size')
  expect(() => decodeBmp(bitmap({ width: 2 ** 20, height: 2 ** 20, bits: 8, data }))).toThrow('size')
  expect(() => decodeBmp(bitmap({ width: 1, height: 1, bits: 8, compression: 5, data }))).toThrow('unknown')
})
