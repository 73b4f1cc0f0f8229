import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeModel, encodeModel } from '../../../src/engine/onnx'
import { bytesOf, byteLengthOf, textOf } from '../../../src/engine/onnx/text'
import { bytes, int, model, packed, text } from './build'

test('any bytes come back as they were', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (raw) => {
      expect([...bytesOf(textOf(raw))]).toEqual([...raw])
      expect(byteLengthOf(textOf(raw))).toBe(raw.length)
    }),
  )
})

test('any text is UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      expect(textOf(Buffer.from(value))).toBe(value)
      expect(Buffer.compare(bytesOf(value), Buffer.from(value))).toBe(0)
    }),
  )
})

const LATIN = [0x63, 0x61, 0x66, 0xe9]
const CUT = [0xe2, 0x82]
const SURROGATE = [0xed, 0xb2, 0x80]

test('strings of a tensor, names and metadata that are no UTF-8 are written as they were read', () => {
  const STRING = 8
  const words = [
    ...packed(1, [3]),
    ...int(2, STRING),
    ...bytes(6, LATIN),
    ...bytes(6, CUT),
    ...bytes(6, SURROGATE),
  ]
  const raw = model(
    [
      ...bytes(1, [...text(1, 'w'), ...text(2, 'y'), ...text(4, 'Identity')]),
      ...bytes(5, [...words, ...text(8, 'w')]),
      ...bytes(2, LATIN),
    ],
    bytes(14, [...text(1, 'where'), ...bytes(2, LATIN)]),
  )
  const read = decodeModel(raw)
  const again = decodeModel(encodeModel(read))
  const written = Buffer.from(encodeModel(again))
  for (const part of [LATIN, CUT, SURROGATE])
    expect(written.includes(Buffer.from([part.length, ...part]))).toBe(true)
  expect(read.graph.initializers.get('w')!.byteLength).toBe(9)
  expect(read.graph.name.startsWith('caf')).toBe(true)
})
