import { expect, test } from 'vitest'
import { seeded } from '../../../src/engine/math/random'
import { ctcLoss } from '../../../src/engine/tasks/transcription/ctc-loss'
import { doubtTexts, measureTexts, spelled } from '../../../src/engine/tasks/transcription/text-loss'
import { textLabels } from '../../../src/engine/tasks/transcription/texts'
import { floats } from '../evaluate/support'

const SCORES = 3
const BLANK = 0

/** Of every way through the steps: its probability goes to the text that it spells. */
function enumerated(p: Float64Array, target: readonly number[]): number {
  const steps = p.length / SCORES
  let total = 0
  for (let way = 0; way < SCORES ** steps; way++) {
    const path = Array.from({ length: steps }, (_, t) => Math.floor(way / SCORES ** t) % SCORES)
    const text = path.filter((c, t) => c !== BLANK && c !== path[t - 1])
    if (text.join() === target.join()) total += path.reduce((q, c, t) => q * p[t * SCORES + c]!, 1)
  }
  return total
}

function distributions(steps: number): Float64Array {
  const random = seeded(7)
  const p = Float64Array.from({ length: steps * SCORES }, () => Math.exp(random.normal()))
  for (let t = 0; t < steps; t++) {
    const row = p.subarray(t * SCORES, (t + 1) * SCORES)
    const sum = row.reduce((a, b) => a + b)
    row.forEach((v, i) => (row[i] = v / sum))
  }
  return p
}

test.each([[[]], [[1]], [[1, 2]], [[1, 1]], [[2, 2, 1]], [[1, 1, 1]]])(
  'the loss of %j is that of all ways there are, and so is each step’s posterior',
  (target) => {
    const p = distributions(5)
    const whole = enumerated(p, target)
    const { loss, posterior } = ctcLoss(p.map(Math.log), SCORES, target, BLANK)!
    expect(loss).toBeCloseTo(-Math.log(whole), 10)
    // Of the ways that take a score at a step: the rest is as if no other score were there.
    for (let i = 0; i < p.length; i++) {
      const from = i - (i % SCORES)
      const taken = p.map((v, j) => (j >= from && j < from + SCORES && j !== i ? 0 : v))
      expect(posterior[i]).toBeCloseTo(enumerated(taken, target) / whole, 10)
    }
  },
)

test('a text that does not fit into the steps has no loss', () => {
  expect(ctcLoss(distributions(2).map(Math.log), SCORES, [1, 1], BLANK)).toBeUndefined()
  expect(ctcLoss(distributions(3).map(Math.log), SCORES, [1, 1], BLANK)).toBeDefined()
})

const alphabet = { blank: 0, characters: ['', 'a', 'b', 'ab'], words: '' }

test('texts are spelled by the longest tokens; what nothing stands for teaches nothing', () => {
  expect(spelled('aabb', alphabet)).toEqual([1, 3, 2])
  expect(spelled('abc', alphabet)).toBeUndefined()
})

test.each([
  ['steps before scores', 2, false],
  ['scores before steps', 1, false],
  ['probabilities', 2, true],
] as const)('slopes are those of the losses: %s', (_, axis, likely) => {
  const [steps, scores] = [6, 4]
  const random = seeded(3)
  const dims = axis === 2 ? [3, steps, scores] : [3, scores, steps]
  const logits = Float64Array.from({ length: 3 * steps * scores }, () => random.normal())
  const softmax = (z: Float64Array): Float64Array => {
    const p = z.map(Math.exp)
    for (let from = 0; from < p.length; from += scores) {
      const row = p.subarray(from, from + scores)
      const sum = row.reduce((a, b) => a + b)
      row.forEach((v, i) => (row[i] = v / sum))
    }
    return p
  }
  const labels = textLabels(['aab', 'bbbbbbbb', 'a'])
  const reading = { names: ['out'], axis, alphabet }
  const measure = (z: Float64Array) =>
    measureTexts({ out: floats(dims, [...(likely ? softmax(z) : z)]) }, labels, reading)
  const { losses, slopes } = measure(logits)
  expect(losses[1]).toBe(0)
  expect(losses.filter((loss) => loss > 0)).toHaveLength(2)
  const slope = slopes.out!.data as Float32Array
  const p = likely ? softmax(logits) : undefined
  const h = 1e-2
  logits.forEach((z, i) => {
    const at = (by: number): number => measure(logits.with(i, z + by)).losses.reduce((a, b) => a + b)
    // Of probabilities the slope goes on through the softmax, as it does in the graph.
    const from = i - (i % scores)
    const through = p && slope.subarray(from, from + scores).reduce((sum, s, j) => sum + s * p[from + j]!, 0)
    const told = p ? p[i]! * (slope[i]! - through!) : slope[i]!
    expect(told).toBeCloseTo((at(h) - at(-h)) / (2 * h), 3)
  })
})

test('scores that make a text likely are no reason to doubt it; only their order being right is one', () => {
  const letters = { characters: ['', 'a', 'b'], blank: BLANK, words: '' }
  const reading = { names: ['y'], alphabet: letters, axis: 2 as const }
  const spelling = [1, 0, 2, 0, 1]
  const given = (height: number) => ({
    y: floats(
      [1, 5, SCORES],
      spelling.flatMap((c) => [0, 1, 2].map((i) => (i === c ? height : 0))),
    ),
  })
  const labels = textLabels(['aba'])
  expect(doubtTexts(given(5), labels, reading)).toBeUndefined()
  expect(doubtTexts(given(0.1), labels, reading)).toContain('hardly likelier than by equal ones')
})
