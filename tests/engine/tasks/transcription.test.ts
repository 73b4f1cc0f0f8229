import { expect, it } from 'vitest'
import { StoredSamples } from '../../../src/contract/stored'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { comparePage } from '../../../src/engine/evaluate/sample-pages'
import { alphabetsOf, pathsOf, textOf } from '../../../src/engine/tasks/transcription/ctc'
import { transcription } from '../../../src/engine/tasks/transcription/transcription'
import { aligned, editDistance } from '../../../src/engine/tasks/transcription/edits'
import { textLabels, textsOf } from '../../../src/engine/tasks/transcription/texts'
import fixture from '../../fixtures/transcription/jiwer.json'
import { arrayDataset, floats, wires } from '../evaluate/support'

const { truths, texts } = fixture
const characters = [...new Set([...truths, ...texts].join(''))]
const scores = characters.length + 1
/** Every character for two steps, a blank after each: repeats are one, doubled letters two. */
const STEPS = 3 * Math.max(...texts.map((text) => Array.from(text).length))

function scoresOf(all: readonly string[], blank: number, transposed = false): Float32Array {
  const data = new Float32Array(all.length * STEPS * scores)
  for (const [row, text] of all.entries()) {
    const said = Array.from(text, (c) => characters.indexOf(c) + (blank === 0 ? 1 : 0))
    for (let t = 0; t < STEPS; t++) {
      const c = t % 3 < 2 ? (said[Math.floor(t / 3)] ?? blank) : blank
      data[row * STEPS * scores + (transposed ? c * STEPS + t : t * scores + c)] = 1
    }
  }
  return data
}

const dataset = (x: ArrayLike<number>, dims: number[]) =>
  arrayDataset({
    task: 'transcription',
    inputs: { x: floats(dims, Array.from(x)) },
    labels: textLabels(truths),
    classes: characters,
  })

it.each([
  ['blank first', 0, false],
  ['blank last', scores - 1, false],
  ['scores before steps', scores - 1, true],
])('equals jiwer: error rates of characters and words, the %s', async (_, blank, transposed) => {
  const dims = transposed ? [scores, STEPS] : [STEPS, scores]
  const data = dataset(scoresOf(texts, blank, transposed), [truths.length, ...dims])
  const { original } = await measureQuality(wires({ x: { dims: ['N', ...dims] } }), [], { dataset: data })
  expect(original.quality).toMatchObject({ metric: 'cer', higherIsBetter: false, samples: truths.length })
  expect(original.quality.value).toBeCloseTo(fixture.cer, 12)
  expect(original.quality.others['wer']).toBeCloseTo(fixture.wer, 12)
  expect(original.reweighted(new Float64Array(truths.length).fill(1))).toBeCloseTo(fixture.cer, 12)
  expect(original.samples.text).toEqual(texts.map((text) => text.trim()))
  expect(StoredSamples.parse(original.samples)).toEqual(original.samples)
  expect(StoredSamples.safeParse({ ...original.samples, text: [] }).success).toBe(false)
  const page = comparePage(original.samples, [], {
    task: 'transcription',
    filter: 'all',
    offset: 0,
    limit: 1,
  })
  expect(page.rows[0]).toMatchObject({ label: truths[0], original: { answer: texts[0] } })
})

it('counts what is not a number as nothing read', async () => {
  const x = scoresOf(truths, 0)
  x[0] = NaN
  const data = dataset(x, [truths.length, STEPS, scores])
  const { original } = await measureQuality(wires({ x: { dims: ['N', STEPS, scores] } }), [], {
    dataset: data,
  })
  expect(original.nonFinite).toBe(1)
  expect(original.samples.text![0]).toBe('')
  expect(original.samples.score[0]).toBe(1)
})

it('says of outputs that are no scores of these characters what would be', async () => {
  const data = dataset(new Float32Array(truths.length * 12), [truths.length, 4, 3])
  await expect(
    measureQuality(wires({ x: { dims: ['N', 4, 3] } }), [], { dataset: data }),
  ).rejects.toMatchObject({ data: { code: 'data/outputs-unknown', outputs: 'x_out [7, 4, 3]' } })
})

it('texts come back from their labels, those beyond the basic plane too', () => {
  const all = ['naïve 漢字 😀', '', 'x']
  expect(textsOf(textLabels(all))).toEqual(all)
})

it('lists of tokens are read as their makers write them', () => {
  const [named] = alphabetsOf(['<pad>', '<s>', '|', 'A', '▁B'], 5)
  expect(named).toMatchObject({ blank: 0, characters: ['', '', ' ', 'A', ' B'] })
  expect(textOf(Int32Array.from([3, 3, 0, 3, 2, 3, 4, 1]), named!)).toBe('AA A B')
  expect(alphabetsOf(['a', 'b'], 4).map(({ blank }) => blank)).toEqual([0, 3])
  expect(alphabetsOf(['a', 'b'], 2).map(({ blank }) => blank)).toEqual([0, 1])
  expect(alphabetsOf(['a', 'b'], 9)).toEqual([])
})

it('paths of both layouts are the same', () => {
  const value = floats([1, 2, 3], [0, 1, 0, 2, 0, 0])
  const turned = floats([1, 3, 2], [0, 2, 1, 0, 0, 0])
  expect(pathsOf(value, 2)).toEqual(pathsOf(turned, 1))
})

it('fewest edits, and where they are', () => {
  const [a, b] = [Array.from('kitten'), Array.from('sitting')]
  expect(editDistance(a, b)).toBe(3)
  expect(aligned(a, b).filter(({ given, truth }) => given !== truth)).toEqual([
    { given: 'k', truth: 's' },
    { given: 'e', truth: 'i' },
    { truth: 'g' },
  ])
})

it('shows what is wrong in a text and what should be there', () => {
  const list = ['a', 'b', 'c']
  const say = (text: string): number[] =>
    Array.from(text, (c) => Array.from({ length: 4 }, (_, i) => Number(i === list.indexOf(c) + 1))).flat()
  const label = textLabels(['abc'])
  const outputs = [say('abc'), say('aab')].map((scores) => ({ y: floats([1, 3, 4], scores) }))
  const choice = transcription.choose(outputs[0]!, { rows: 1, labels: label, classes: list })
  expect(transcription.view!({ outputs, choice, label })).toEqual([
    { kind: 'text', parts: [{ text: 'abc' }], truth: [{ text: 'abc' }] },
    { kind: 'text', parts: [{ text: 'ab' }], truth: [{ text: 'ab' }, { text: 'c', wrong: true }] },
  ])
  expect(transcription.labelText!(label)).toBe('abc')
})
