import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { SPLITS } from '../../../src/contract/dataset'
import { clipOrder, clipsOf, shuffledClips, wholeClips } from '../../../src/engine/data/clips'
import type { Dataset, Split } from '../../../src/engine/data/dataset'
import { openDataset } from '../../../src/engine/data/open'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { seeded } from '../../../src/engine/math/random'
import { readModel, type Model } from '../../../src/engine/onnx'
import { signatureOf } from '../../../src/engine/runtime/signature'
import { withSession } from '../../../src/engine/runtime/session'
import { float32, floatsOf, type Values } from '../../../src/engine/runtime/value'
import { partsOf } from '../../../src/engine/search/parts'
import { Net } from '../passes/pruning/build'
import { npy, npz, temporaryFolder, write } from './support'

const [FEATURES, HIDDEN] = [3, 4]
const STEPS = 7
const CLIPS = 10

/** An LSTM: of one step with its states as inputs and outputs, or of whole clips [steps, clips, 3]. */
function lstm(steps: 'one' | 'all', scale = 1): Model {
  const net = new Net(3)
  const x = net.input('x', steps === 'one' ? ['N', FEATURES] : ['T', 'N', FEATURES])
  const weights = [
    net.weight([1, 4 * HIDDEN, FEATURES], 'W', scale),
    net.weight([1, 4 * HIDDEN, HIDDEN], 'R', scale),
    net.weight([1, 8 * HIDDEN], 'B', 0.3),
  ]
  const states = steps === 'one' ? ['h', 'c'].map((name) => net.input(name, [1, 'N', HIDDEN])) : []
  const whole = steps === 'one' ? net.op('Unsqueeze', [x, net.ints([0])]) : x
  const outputs = ['all', 'h_out', 'c_out']
  net.model.graph.addNode({
    opType: 'LSTM',
    inputs: [whole, ...weights, ...(states.length ? ['', ...states] : [])],
    outputs,
    attributes: { hidden_size: { int: HIDDEN } },
  })
  // Y: [steps, 1, clips, hidden] without the axis of directions, and of the single step.
  net.model.graph.addNode({
    opType: 'Squeeze',
    inputs: ['all', net.ints(steps === 'one' ? [0, 1] : [1])],
    outputs: ['y'],
  })
  net.output('y', steps === 'one' ? 2 : 3)
  if (steps === 'one')
    for (const name of ['h_out', 'c_out'])
      net.model.graph.outputs.push({ name, dtype: 'float32', dims: [1, 'N', HIDDEN] })
  return net.model
}

const random = seeded(5)
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal())
const clips = numbers(CLIPS * STEPS * FEATURES)

/** y of each step of each clip by one run of the whole LSTM: [clips, steps, hidden] flat. */
async function wholeLstm(scale = 1): Promise<Float32Array> {
  const turned = new Float32Array(clips.length)
  for (let clip = 0; clip < CLIPS; clip++)
    for (let step = 0; step < STEPS; step++)
      for (let i = 0; i < FEATURES; i++)
        turned[(step * CLIPS + clip) * FEATURES + i] = clips[(clip * STEPS + step) * FEATURES + i]!
  const { y } = await withSession(lstm('all', scale), {}, (session) =>
    session.run({ x: float32([STEPS, CLIPS, FEATURES], turned) }),
  )
  const out = new Float32Array(CLIPS * STEPS * HIDDEN)
  for (let clip = 0; clip < CLIPS; clip++)
    for (let step = 0; step < STEPS; step++)
      for (let i = 0; i < HIDDEN; i++)
        out[(clip * STEPS + step) * HIDDEN + i] = (y!.data as Float32Array)[
          (step * CLIPS + clip) * HIDDEN + i
        ]!
  return out
}

const openArrays = (arrays: Record<string, Uint8Array>, model = lstm('one')): Promise<Dataset> =>
  openDataset(path.join(write(temporaryFolder(), { 'clips.npz': npz(arrays) }), 'clips.npz'), model)

async function* steps(split: Split, size = 5): AsyncIterable<{ inputs: Values; follows?: boolean[] }> {
  for await (const { inputs, indices, follows } of split.batches(size))
    for (const i of indices.keys())
      yield {
        inputs: Object.fromEntries(
          Object.entries(inputs).map(([name, value]) => {
            const width = value.data.length / indices.length
            const data = (value.data as Float32Array).slice(i * width, (i + 1) * width)
            return [name, { ...value, dims: [1, ...value.dims.slice(1)], data }]
          }),
        ),
        ...(follows && { follows: [follows[i]!] }),
      }
}

/** Place of a step's numbers in the clips. */
const stepOf = (x: Float32Array): number => {
  for (let at = 0; at < CLIPS * STEPS; at++)
    if (x.every((v, i) => Math.abs(v - clips[at * FEATURES + i]!) < 1e-6)) return at
  throw new Error('no such step')
}

const close = (a: ArrayLike<number>, b: ArrayLike<number>): void => {
  expect(a.length).toBe(b.length)
  for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i]!, 5)
}

describe.each<[string, () => Record<string, Uint8Array>]>([
  ['an axis of steps', () => ({ x: npy('<f4', [CLIPS, STEPS, FEATURES], clips) })],
  [
    'the clip of each row',
    () => ({
      x: npy('<f4', [CLIPS * STEPS, FEATURES], clips),
      clip: npy(
        '<i4',
        [CLIPS * STEPS],
        Int32Array.from({ length: CLIPS * STEPS }, (_, i) => Math.floor(i / STEPS)),
      ),
    }),
  ],
])('clips told by %s', (_, arrays) => {
  test('stay whole; each step has the state that the model makes of those before', async () => {
    const data = await openArrays(arrays())
    const y = await wholeLstm()
    const seen: number[] = []
    for (const name of SPLITS) {
      let before = -1
      for await (const { inputs, follows } of steps(data.splits[name])) {
        const at = stepOf(inputs['x']!.data as Float32Array)
        seen.push(at)
        expect(follows).toEqual([at % STEPS !== 0])
        if (follows![0]) expect(at).toBe(before + 1)
        // h of an LSTM is its answer to the step before.
        const state = at % STEPS === 0 ? new Float32Array(HIDDEN) : y.subarray((at - 1) * HIDDEN, at * HIDDEN)
        close(floatsOf(inputs['h']!), state)
        before = at
      }
      expect(data.splits[name].length % STEPS).toBe(0)
    }
    expect(seen.sort((a, b) => a - b)).toEqual([...seen.keys()])
    expect(data.summary().notes).toContain(
      `State carried through clips of ${STEPS} steps: each model gets its own h, c back, as in streaming use.`,
    )
    await data.close()
  })

  test('a candidate is judged with the states that it makes itself', async () => {
    const data = await openArrays(arrays())
    const [before, after] = [await wholeLstm(), await wholeLstm(0.9)]
    let [signal, noise, worst] = [0, 0, 0]
    for await (const { inputs } of steps(data.splits.validation)) {
      const at = stepOf(inputs['x']!.data as Float32Array)
      for (let i = at * HIDDEN; i < (at + 1) * HIDDEN; i++) {
        signal += before[i]! ** 2
        noise += (before[i]! - after[i]!) ** 2
        worst = Math.max(worst, Math.abs(before[i]! - after[i]!))
      }
    }
    for (const batchSize of [1, 3, 64]) {
      const { original, candidates } = await measureQuality(lstm('one'), [lstm('one', 0.9)], {
        dataset: data,
        batchSize,
      })
      expect(original.quality.samples).toBe(data.splits.validation.length)
      expect(candidates[0]!.fidelity!.sqnr).toBeCloseTo(10 * Math.log10(signal / noise), 3)
      expect(candidates[0]!.fidelity!.maxAbsoluteError).toBeCloseTo(worst, 5)
    }
    await data.close()
  })
})

test('clips that are filled up to one length end where they say', async () => {
  const lengths = Int32Array.from({ length: CLIPS }, (_, i) => 2 + (i % 3))
  const data = await openArrays({
    x: npy('<f4', [CLIPS, STEPS, FEATURES], clips),
    lengths: npy('<i4', [CLIPS], lengths),
  })
  const places: number[] = []
  for (const name of SPLITS)
    for await (const { inputs } of steps(data.splits[name]))
      places.push(stepOf(inputs['x']!.data as Float32Array))
  expect(places.sort((a, b) => a - b)).toEqual(
    Array.from({ length: CLIPS * STEPS }, (_, i) => i).filter(
      (i) => i % STEPS < lengths[Math.floor(i / STEPS)]!,
    ),
  )
  await data.close()
})

describe('states that were recorded step after step', () => {
  /** Rows with the states that the model made of those before, in `order`. */
  async function recorded(order: readonly number[]): Promise<Record<string, Uint8Array>> {
    const [x, h, c] = [
      new Float32Array(clips.length),
      ...[0, 1].map(() => new Float32Array(CLIPS * STEPS * HIDDEN)),
    ]
    await withSession(lstm('one'), {}, async (session) => {
      let states: Values = {}
      for (let at = 0; at < CLIPS * STEPS; at++) {
        if (at % STEPS === 0)
          states = {
            h: float32([1, 1, HIDDEN], numbers(HIDDEN)),
            c: float32([1, 1, HIDDEN], numbers(HIDDEN)),
          }
        const row = order.indexOf(at)
        const own = clips.slice(at * FEATURES, (at + 1) * FEATURES)
        x!.set(own, row * FEATURES)
        h!.set(states['h']!.data as Float32Array, row * HIDDEN)
        c!.set(states['c']!.data as Float32Array, row * HIDDEN)
        const { h_out: nextH, c_out: nextC } = await session.run({
          x: float32([1, FEATURES], own),
          ...states,
        })
        states = { h: nextH!, c: nextC! }
      }
    })
    return {
      x: npy('<f4', [CLIPS * STEPS, FEATURES], x!),
      h: npy('<f4', [CLIPS * STEPS, 1, HIDDEN], h!),
      c: npy('<f4', [CLIPS * STEPS, 1, HIDDEN], c!),
    }
  }
  const inOrder = Array.from({ length: CLIPS * STEPS }, (_, i) => i)

  test('are recognised, and carried', async () => {
    const data = await openArrays(await recorded(inOrder))
    for (const name of SPLITS)
      for await (const { inputs, follows } of steps(data.splits[name]))
        expect(follows).toEqual([stepOf(inputs['x']!.data as Float32Array) % STEPS !== 0])
    expect(data.summary().notes.join(' ')).toContain(`State carried through clips of ${STEPS} steps`)
    await data.close()
  })

  test('in another order are samples that stand alone', async () => {
    const data = await openArrays(await recorded(seeded(2).shuffle(inOrder)))
    expect(data.splits.validation.goesOn).toBeUndefined()
    for await (const { follows } of data.splits.validation.batches(8)) expect(follows).toBeUndefined()
    expect(data.summary().notes.join(' ')).not.toContain('State carried')
    await data.close()
  })
})

test('a number beside states has no axis of steps', async () => {
  const net = new Net()
  const [rate, state] = [net.input('rate', []), net.input('state', ['N', FEATURES])]
  net.model.graph.addNode({ opType: 'Mul', inputs: [rate, state], outputs: ['y'] })
  net.model.graph.addNode({ opType: 'Add', inputs: [rate, state], outputs: ['state_out'] })
  net.output('y', 2)
  net.model.graph.outputs.push({ name: 'state_out', dtype: 'float32', dims: ['N', FEATURES] })
  const data = await openArrays(
    {
      rate: npy('<f4', [], new Float32Array(1)),
      state: npy('<f4', [CLIPS, FEATURES], clips.slice(0, CLIPS * FEATURES)),
    },
    net.model,
  )
  expect(data.summary().samples).toBe(CLIPS)
  await data.close()
})

test('a model without states has no clips', async () => {
  const net = new Net()
  net.output(net.gemm(net.input('x', ['N', FEATURES]), FEATURES, 2), 2)
  const data = await openArrays(
    {
      x: npy('<f4', [CLIPS, FEATURES], clips.slice(0, CLIPS * FEATURES)),
      clip: npy('<i4', [CLIPS], new Int32Array(CLIPS)),
    },
    net.model,
  )
  expect(data.splits.validation.goesOn).toBeUndefined()
  await data.close()
})

describe('orders', () => {
  const follows = (length: number) => (index: number) => index % length !== 0
  const goesOn = (index: number, before: number): boolean => index === before + 1 && index % 5 !== 0

  test('shuffled, clips are as before', () => {
    const all = Array.from({ length: 50 }, (_, i) => i)
    const order = shuffledClips(all, seeded(1), goesOn)
    expect(clipsOf(order, goesOn).map((clip) => clip.length)).toEqual(new Array(10).fill(5))
    expect(order).not.toEqual(all)
  })

  test.each<[number, number, number]>([
    // Many clips stay whole, few are cut into stretches of sixteen and more.
    [200, 10, 10],
    [104, 104, 16],
    [2000, 1000, 125],
  ])('%i samples in clips of %i come in stretches of at most %i', (length, clip, most) => {
    const order = clipOrder(length, follows(clip), seeded(0))
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i))
    const next = (index: number, before: number): boolean => index === before + 1 && index % clip !== 0
    const longest = Math.max(...clipsOf([...order], next).map((stretch) => stretch.length))
    expect(longest).toBeGreaterThanOrEqual(Math.min(most, 10))
  })

  test('a part ends at the nearest end of a clip', () => {
    const order = Array.from({ length: 50 }, (_, i) => i)
    expect(wholeClips(order, follows(5), 0, 12)).toBe(10)
    expect(wholeClips(order, follows(5), 10, 13)).toBe(15)
    expect(wholeClips(order, follows(5), 0, 1)).toBe(5)
    expect(wholeClips(order, follows(50), 0, 10)).toBe(10)
  })

  test('the parts of a search keep steps in order', async () => {
    const data = await openArrays({ x: npy('<f4', [CLIPS, STEPS, FEATURES], clips) })
    const { search, confirm } = partsOf(data, 0)
    const count = [search, confirm].map(({ splits }) => splits.validation.length)
    expect(count[0]! + count[1]!).toBe(data.splits.validation.length)
    let carried = 0
    for await (const { follows: steps } of search.splits.validation.batches(64))
      carried += steps!.filter(Boolean).length
    expect(carried).toBeGreaterThanOrEqual(STEPS - 1)
    await data.close()
  })
})

const zoo = path.resolve('../shared/zoo')
describe.skipIf(!fs.existsSync(zoo))('real streaming models (left out where ../shared/zoo is absent)', () => {
  test.each<[string, Record<string, number[]>, string]>([
    ['dtln_2', { input_4: [1, 512] }, 'input_5'],
    ['silero_v5', { input: [576] }, 'state'],
    ['gtcrn', { mix: [257, 1, 2] }, 'conv_cache'],
  ])('%s gets back what it made itself', async (name, rows, state) => {
    const model = readModel(path.join(zoo, 'models', `${name}.onnx`))
    const [[input, row]] = Object.entries(rows) as [[string, number[]]]
    const size = row.reduce((n, d) => n * d, 1)
    const values = numbers(6 * 5 * size).map((x) => x * 0.1)
    const arrays: Record<string, Uint8Array> = { [input]: npy('<f4', [6, 5, ...row], values) }
    if (name === 'silero_v5') arrays['sr'] = npy('<i8', [1], BigInt64Array.of(16000n))
    const data = await openArrays(arrays, model)
    expect(data.summary().notes.join(' ')).toContain('State carried through clips of 5 steps')
    await withSession(model, {}, async (session) => {
      const { inputs, outputs } = signatureOf(model)
      let states: Values = {}
      for await (const { inputs: given, follows } of steps(data.splits.training, 4)) {
        const own = Object.fromEntries(
          inputs.map(({ name: port, dims }) => {
            const value = given[port]!
            const shape = dims.map((dim) => (typeof dim === 'number' ? dim : 1))
            return [port, { ...value, dims: port === input ? [1, ...row] : shape }]
          }),
        )
        if (follows![0])
          for (const port of Object.keys(states)) close(floatsOf(given[port]!), floatsOf(states[port]!))
        else expect(floatsOf(given[state]!).every((x) => x === 0)).toBe(true)
        const made = await session.run(own)
        states = Object.fromEntries(
          outputs.flatMap(({ name: output, state: port }) => (port ? [[port, made[output]!]] : [])),
        )
        expect(Object.keys(states).length).toBeGreaterThan(0)
      }
    })
    await data.close()
  })
})
