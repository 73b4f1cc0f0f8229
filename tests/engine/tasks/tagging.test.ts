import { expect, it } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { entitiesOf, tagOf } from '../../../src/engine/tasks/tagging/entities'
import { tagging } from '../../../src/engine/tasks/tagging/tagging'
import fixture from '../../fixtures/tagging/seqeval.json'
import { arrayDataset, floats, ints, wires } from '../evaluate/support'

const { tags, truth, pred } = fixture
const T = Math.max(...truth.map((one) => one.length)) + 1
/** A token before each that is not labelled, as special tokens are. */
const rows = <V>(all: readonly string[][], of: (tag: number) => V, none: V): V[] =>
  all.flatMap((one) => [
    none,
    ...Array.from({ length: T - 1 }, (_, t) => (one[t] === undefined ? none : of(tags.indexOf(one[t])))),
  ])
const scores = (all: readonly string[][]): number[] =>
  rows(
    all,
    (tag) => tags.map((_, c) => Number(c === tag)),
    tags.map((_, c) => Number(c === 1)),
  ).flat()
const dims = [truth.length, T, tags.length]
const model = wires({ x: { dims: ['N', T, tags.length] } })
const labels = ints(
  [truth.length, T],
  rows(truth, (tag) => tag, -100),
)

it('equals seqeval: F1, precision and recall of entities, accuracy of tokens', async () => {
  const x = floats(dims, scores(pred))
  const dataset = arrayDataset({ task: 'tagging', inputs: { x }, labels, classes: tags })
  const { original } = await measureQuality(model, [], { dataset })
  expect(original.quality.value).toBeCloseTo(fixture.f1, 12)
  const { precision, recall, accuracy } = fixture
  for (const [name, value] of Object.entries({ precision, recall, accuracy }))
    expect(original.quality.others[name], name).toBeCloseTo(value, 12)
  expect(original.notes).toEqual([])
})

it('counts a sample that is not finite as nothing found, and says where names are missing', async () => {
  const data = scores(truth)
  data[0] = NaN
  const dataset = arrayDataset({ task: 'tagging', inputs: { x: floats(dims, data) }, labels })
  const { original } = await measureQuality(model, [], { dataset })
  expect(original.nonFinite).toBe(1)
  expect(original.samples.answer[0]).toBe(0)
  expect(original.quality.value).toBeLessThan(1)
  expect(original.notes[0]).toContain('--classes')
})

it('reads the usual ways to write tags', () => {
  const read = (text: string): string[] =>
    entitiesOf(text.split(' ').map((tag) => tagOf(0, [tag]))).map(
      ({ from, to, name }) => `${name}${from}-${to}`,
    )
  expect(read('B-X I-X O I-X B-X')).toEqual(['X0-2', 'X3-4', 'X4-5'])
  expect(read('S-X B-Y E-Y E-Y')).toEqual(['X0-1', 'Y1-3', 'Y3-4'])
  expect(read('U-X B-Y L-Y')).toEqual(['X0-1', 'Y1-3'])
  expect(read('O X X Y O')).toEqual(['X1-3', 'Y3-4'])
})

it('marks entities in the text, and those that differ', () => {
  const names = ['O', 'B-PER']
  const label = ints([1, 3], [0, 1, 1])
  const choice = {
    ...tagging.choose(
      { y: floats([1, 3, 2], [1, 0, 0, 1, 1, 0]) },
      { rows: 1, labels: label, classes: names },
    ),
  }
  const outputs = [{ y: floats([1, 3, 2], [1, 0, 0, 1, 1, 0]) }]
  const views = tagging.view!({ outputs, choice, label, words: ['so', 'Ada', 'Lin'] })
  expect(views).toEqual([
    {
      kind: 'text',
      parts: [{ text: 'so ' }, { text: 'Ada', mark: 'PER' }, { text: ' ' }, { text: 'Lin ' }],
      truth: [
        { text: 'so ' },
        { text: 'Ada', mark: 'PER' },
        { text: ' ' },
        { text: 'Lin', mark: 'PER', wrong: true },
        { text: ' ' },
      ],
    },
  ])
  expect(tagging.labelText!(label, names)).toBe('PER, PER')
})
