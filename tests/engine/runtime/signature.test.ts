import { describe, expect, test } from 'vitest'
import { Model, type Dim, type DType } from '../../../src/engine/onnx'
import { feedOf, runsOf } from '../../../src/engine/runtime/samples'
import { signatureOf } from '../../../src/engine/runtime/signature'
import { float32, type Value } from '../../../src/engine/runtime/value'

type Ports = Record<string, Dim[] | [DType, ...Dim[]]>

const TYPES = new Set<unknown>(['float32', 'int64'])

function model(inputs: Ports, outputs: Ports = { y: [null] }): Model {
  const made = new Model()
  const infos = (ports: Ports) =>
    Object.entries(ports).map(([name, [first, ...rest]]) =>
      TYPES.has(first)
        ? { name, dtype: first as DType, dims: rest as Dim[] }
        : { name, dtype: 'float32' as const, dims: first === undefined ? [] : ([first, ...rest] as Dim[]) },
    )
  made.graph.inputs = infos(inputs)
  made.graph.outputs = infos(outputs)
  return made
}

/** Axis of the samples of each port, and the batch. */
function axes(made: Model): [Record<string, number | null>, number | undefined] {
  const { inputs, outputs, batch } = signatureOf(made)
  return [Object.fromEntries([...inputs, ...outputs].map((port) => [port.name, port.batchAxis])), batch]
}

describe('a free batch', () => {
  test.each<[string, Ports, Ports, Record<string, number | null>]>([
    ['first', { x: ['batch', 3] }, { y: ['batch', 2] }, { x: 0, y: 0 }],
    ['by name on another axis', { x: ['sequence', 'batch', 8] }, { y: ['batch'] }, { x: 1, y: 0 }],
    ['without a name', { x: [null, 8] }, { y: [null, 2] }, { x: 0, y: 0 }],
    ['behind the steps of a recurrent layer', { x: [5, null, 16] }, { y: [null, 8] }, { x: 1, y: 0 }],
    ['zero as some exporters write it', { x: [0, 8] }, { y: [0, 2] }, { x: 0, y: 0 }],
    [
      'on the second axis of another input, by the same symbol',
      { x: ['unk__1', 16], s: [2, 'unk__1', 16] },
      { y: ['unk__2', 16] },
      { x: 0, s: 1, y: 0 },
    ],
    [
      'on the only free axis of another input',
      { x: [null, null], state: [2, null, 128], sr: ['int64'] },
      { y: [null, 1], stateN: [null, null, null] },
      { x: 0, state: 1, sr: null, y: 0, stateN: 1 },
    ],
    [
      'of a cache',
      { ids: ['int64', 'B', 'T'], past: [2, 'B', 4, 'P', 8] },
      { logits: ['B', 'T', 50], present: [2, 'B', 4, 'PT', 8] },
      { ids: 0, past: 1, logits: 0, present: 1 },
    ],
    [
      'with a table that all share',
      { x: ['N', 4], anchors: [100, 4] },
      { y: ['N', 2] },
      { x: 0, anchors: null, y: 0 },
    ],
    ['of an output declared wrongly', { x: ['N', 4] }, { y: [1, 2] }, { x: 0, y: 0 }],
  ])('%s', (_, inputs, outputs, expected) => {
    expect(axes(model(inputs, outputs))).toEqual([expected, undefined])
  })
})

describe('a fixed batch', () => {
  test.each<[string, Ports, Ports, Record<string, number | null>, number]>([
    ['all agree on', { a: [4, 2], b: [4] }, { y: [4, 3] }, { a: 0, b: 0, y: 0 }, 4],
    ['of one', { x: [1, 3, 8, 8] }, { y: [1, 10] }, { x: 0, y: 0 }, 1],
    ['that no output has is no batch', { x: [28, 28] }, { y: [10] }, { x: null, y: null }, 1],
    [
      'beside a state on another axis',
      { x: [4, 16], h: [2, 4, 16] },
      { y: [4, 1], hn: [2, 4, 16] },
      { x: 0, h: 1, y: 0, hn: 1 },
      4,
    ],
    [
      'of one beside states',
      { mix: [1, 257, 1, 2], conv_cache: [2, 1, 16, 33], tra_cache: [2, 3, 1, 1, 16] },
      { enh: [1, 257, 1, 2], conv_cache_out: [2, 1, 16, 33], tra_cache_out: [2, 3, 1, 1, 16] },
      { mix: 0, conv_cache: null, tra_cache: null, enh: 0, conv_cache_out: null, tra_cache_out: null },
      1,
    ],
    [
      'a state with room for one keeps it to one',
      { x: ['N', 8], state: [2, 1, 4] },
      { y: ['N', 1], stateN: [2, 1, 4] },
      { x: 0, state: null, y: 0, stateN: null },
      1,
    ],
    ['none at all', { bytes: ['num_bytes'] }, { y: ['n'] }, { bytes: null, y: 0 }, 1],
    ['nothing but a scalar', { x: [] }, { y: [] }, { x: null, y: null }, 1],
  ])('%s', (_, inputs, outputs, expected, batch) => {
    expect(axes(model(inputs, outputs))).toEqual([expected, batch])
  })
})

describe('states', () => {
  const states = (inputs: Ports, outputs: Ports): Record<string, string> =>
    Object.fromEntries(
      signatureOf(model(inputs, outputs)).inputs.flatMap(({ name, state }) => (state ? [[name, state]] : [])),
    )

  test.each<[string, Ports, Ports, Record<string, string>]>([
    [
      'by name',
      { x: ['N', 4], h: [2, 'N', 8], c: [2, 'N', 8] },
      { y: ['N', 1], hn: [2, 'N', 8], cn: [2, 'N', 8] },
      { h: 'hn', c: 'cn' },
    ],
    [
      'of a decoder',
      { ids: ['int64', 'B', 'T'], 'past_key_values.0.key': ['B', 4, 'P', 8] },
      { logits: ['B', 'T', 9], 'present.0.key': ['B', 4, 'Q', 8] },
      { 'past_key_values.0.key': 'present.0.key' },
    ],
    [
      'by shape where names tell nothing',
      { input_4: [1, 1, 512], input_5: [1, 2, 128, 2] },
      { conv1d_3: ['N', 1, 512], stack_5: ['N', 2, 128, 2] },
      { input_5: 'stack_5' },
    ],
    ['not what a model is for', { noisy: ['N', 64] }, { clean: ['N', 64] }, {}],
    ['not a second input of features', { a: ['N', 16], b: ['N', 16] }, { c: ['N', 16], d: ['N', 16] }, {}],
    ['not of another type', { x: ['N', 4], state: ['int64', 1, 4] }, { y: ['N', 4], state_out: [1, 4] }, {}],
  ])('%s', (_, inputs, outputs, expected) => {
    expect(states(inputs, outputs)).toEqual(expected)
  })
})

test('samples fit a model whose only sample lies on an axis of one that is like others now', () => {
  const model = new Model()
  model.graph.inputs = [
    { name: 'input', dtype: 'float32', dims: [1, 512] },
    { name: 'state', dtype: 'float32', dims: [2, 1, 128] },
  ]
  model.graph.outputs = [{ name: 'out', dtype: 'float32', dims: [1, 1] }]
  const numbers = (...dims: number[]): Value => {
    const size = dims.reduce((n, dim) => n * dim, 1)
    return float32(
      dims,
      Float32Array.from({ length: size }, (_, i) => i),
    )
  }
  const samples = { input: numbers(3, 512), state: numbers(3, 2, 128) }
  const { feeds } = [...runsOf(signatureOf(model), samples)][1]!
  expect(feeds['state']!.dims).toEqual([2, 1, 128])
  expect([...(feeds['state']!.data as Float32Array)]).toEqual(Array.from({ length: 256 }, (_, i) => 256 + i))
  expect(() => feedOf(signatureOf(model), { ...samples, state: numbers(3, 128, 2) })).toThrow('data/shape')
})
