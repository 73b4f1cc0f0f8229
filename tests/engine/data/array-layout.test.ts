import { expect, test } from 'vitest'
import { inSamples } from '../../../src/engine/data/array-layout'
import type { NamedArray } from '../../../src/engine/data/arrays'
import { sampleInput } from '../../../src/engine/data/reader'
import { Model, type Dim } from '../../../src/engine/onnx'
import { signatureOf } from '../../../src/engine/runtime/signature'
import { float32, pickRows } from '../../../src/engine/runtime/value'

type Shapes = Record<string, Dim[]>

/** Inputs of a model with these shapes and one output for each, called alike. */
function inputsOf(shapes: Shapes) {
  const model = new Model()
  const infos = Object.entries(shapes).map(([name, dims]) => ({ name, dims, dtype: 'float32' as const }))
  model.graph.inputs = infos
  model.graph.outputs = infos.map((info) => ({ ...info, name: `${info.name}_out` }))
  return signatureOf(model).inputs.map(sampleInput)
}

/** Numbers 0, 1, 2 … in this shape. */
function array(name: string, shape: number[]): NamedArray {
  const [length = 1, ...dims] = shape
  const value = float32(
    [length, ...dims],
    Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => i),
  )
  return {
    name,
    length,
    dims,
    dtype: 'float32',
    looksLikeBytes: false,
    open: async () => ({
      length,
      dims,
      dtype: 'float32',
      read: async (rows) => pickRows(value, rows),
      close: async () => undefined,
    }),
  }
}

async function row(found: NamedArray, index: number): Promise<number[]> {
  const rows = await found.open()
  expect(rows.length).toBe(found.length)
  return Array.from((await rows.read([index])).data as Float32Array)
}

test.each<[string, Shapes, Record<string, number[]>, Record<string, number[]>]>([
  ['rows stay rows', { x: ['N', 4] }, { x: [6, 4] }, { x: [6, 4] }],
  [
    'a state as the model has it is turned',
    { x: ['N', 4], state: [2, 'N', 3] },
    { x: [6, 4], state: [2, 6, 3] },
    { x: [6, 4], state: [6, 2, 3] },
  ],
  [
    'a state by samples stays, also where there are as many as its first axis',
    { x: ['N', 4], state: [2, 'N', 3] },
    { x: [2, 4], state: [2, 2, 3] },
    { x: [2, 4], state: [2, 2, 3] },
  ],
  [
    'a setting given once holds for all',
    { x: ['N', 4], rate: [] },
    { x: [6, 4], rate: [] },
    { x: [6, 4], rate: [6] },
  ],
  [
    'so does one in an array of one',
    { x: ['N', 4], rate: [] },
    { x: [6, 4], rate: [1] },
    { x: [6, 4], rate: [6] },
  ],
  [
    'a table all samples share is given once',
    { x: ['N', 4], anchors: [5, 2] },
    { x: [6, 4], anchors: [5, 2] },
    { x: [6, 4], anchors: [6, 5, 2] },
  ],
  [
    'a model without samples takes whole arrays as its one sample',
    { a: [3, 5], b: [5, 4], c: [1, 4] },
    { a: [3, 5], b: [5, 4], c: [1, 4] },
    { a: [1, 3, 5], b: [1, 5, 4], c: [1, 4] },
  ],
])('%s', (_, shapes, stored, expected) => {
  const found = inSamples(
    Object.entries(stored).map(([name, shape]) => array(name, shape)),
    inputsOf(shapes),
  )
  expect(Object.fromEntries(found.map(({ name, length, dims }) => [name, [length, ...dims]]))).toEqual(
    expected,
  )
})

test('turned rows hold what lay along the other axis; repeated ones the same', async () => {
  const inputs = inputsOf({ x: ['N', 4], state: [2, 'N', 3], rate: [] })
  const [, state, rate] = inSamples(
    [array('x', [5, 4]), array('state', [2, 5, 3]), array('rate', [1])],
    inputs,
  )
  expect(await row(state!, 1)).toEqual([3, 4, 5, 18, 19, 20])
  expect(await row(rate!, 4)).toEqual([0])
})
