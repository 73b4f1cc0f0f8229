import { expect, test } from 'vitest'
import { canonical } from '../../suite/support/canonical'
import { varint } from '../engine/onnx/build'

const field = (number: number, bytes: number[]): number[] => [
  ...varint((number << 3) | 2),
  ...varint(bytes.length),
  ...bytes,
]
const int = (number: number, value: number): number[] => [...varint(number << 3), ...varint(value)]
const text = (number: number, value: string): number[] => field(number, [...Buffer.from(value)])
const float = (value: number): number[] => [...Buffer.from(Float32Array.of(value).buffer)]

const model = (graph: number[], more: number[] = []): Uint8Array =>
  Uint8Array.from([...int(1, 8), ...field(7, graph), ...field(8, int(2, 13)), ...more])

const tensor = (...parts: number[][]): number[] => field(5, parts.flat())

const RAW = tensor([...int(1, 2), ...int(2, 1)], field(9, [...float(1), ...float(-2)]), text(8, 'w'))

test.each([
  [
    'fields in another order',
    tensor(text(8, 'w'), field(9, [...float(1), ...float(-2)]), int(2, 1), int(1, 2)),
  ],
  [
    'packed dimensions',
    tensor(field(1, varint(2)), int(2, 1), text(8, 'w'), field(9, [...float(1), ...float(-2)])),
  ],
  [
    'elements in a packed list',
    tensor(int(1, 2), int(2, 1), text(8, 'w'), field(4, [...float(1), ...float(-2)])),
  ],
  [
    'elements one by one',
    tensor(int(1, 2), int(2, 1), text(8, 'w'), [0x25, ...float(1)], [0x25, ...float(-2)]),
  ],
])('what says the same is the same: %s', (_, other) => {
  expect(canonical(model(other))).toBe(canonical(model(RAW)))
})

test.each([
  ['an element', tensor(int(1, 2), int(2, 1), text(8, 'w'), field(9, [...float(1), ...float(2)]))],
  [
    'a dimension',
    tensor(int(1, 1), int(1, 2), int(2, 1), text(8, 'w'), field(9, [...float(1), ...float(-2)])),
  ],
  ['the type', tensor(int(1, 2), int(2, 6), text(8, 'w'), field(9, [...float(1), ...float(-2)]))],
  ['the name', tensor(int(1, 2), int(2, 1), text(8, 'v'), field(9, [...float(1), ...float(-2)]))],
  ['nothing there', []],
])('what says something else differs: %s', (_, other) => {
  expect(canonical(model(other))).not.toBe(canonical(model(RAW)))
})

test('int32_data holds elements of fewer bits, a zero in a list is an element, and order of nodes counts', () => {
  const bytes = tensor(int(1, 3), int(2, 3), field(9, [1, 255, 0]))
  const list = tensor(int(1, 3), int(2, 3), field(5, [1, ...varint(0xffffffffffffffffn), 0]))
  expect(canonical(model(bytes))).toBe(canonical(model(list)))

  const node = (op: string, ...inputs: string[]): number[] =>
    field(1, [...inputs.flatMap((name) => text(1, name)), ...text(4, op)])
  expect(canonical(model(node('A', '')))).not.toBe(canonical(model(node('A'))))
  expect(canonical(model([...node('A'), ...node('B')]))).not.toBe(
    canonical(model([...node('B'), ...node('A')])),
  )
})
