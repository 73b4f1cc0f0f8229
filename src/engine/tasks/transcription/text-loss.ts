/** Texts as what is learned: of each sample the loss over all ways to spread its text, a character. */
import { float32, floatsOf, type Value, type Values } from '../../runtime/value'
import { looksLikeProbabilities } from '../metric'
import type { LossKind, StructuredMeasure } from '../task'
import type { Alphabet } from './ctc'
import { ctcLoss } from './ctc-loss'
import { textsOf } from './texts'

interface Reading {
  names: readonly string[]
  alphabet: Alphabet
  /** Axis of the scores. */
  axis: 1 | 2
}

const LEAST = 1e-12

/** Positions of the scores that spell a text, the longest token first; undefined where nothing stands for a part of it. */
export function spelled(text: string, { characters, blank }: Alphabet): number[] | undefined {
  const longest = Math.max(...characters.map(({ length }) => length))
  const target: number[] = []
  for (let at = 0; at < text.length;) {
    let found = -1
    for (let length = Math.min(longest, text.length - at); length > 0 && found < 0; length--)
      found = characters.findIndex((token, i) => i !== blank && token === text.slice(at, at + length))
    if (found < 0) return undefined
    target.push(found)
    at += characters[found]!.length
  }
  return target
}

/** Logits of each step against each other, as a teacher's are. */
export const stepsOf = ({ axis }: Reading): { kind: LossKind; classAxis: number } => ({
  kind: 'cross-entropy',
  classAxis: axis,
})

/** Texts that are not spelled by the scores, or are longer than there are steps, teach nothing. */
export function measureTexts(outputs: Values, labels: Value, reading: Reading): StructuredMeasure {
  const { names, alphabet, axis } = reading
  const [name] = names as [string]
  const output = outputs[name]!
  const [, a, b] = output.dims as [number, number, number]
  const [steps, scores] = axis === 2 ? [a, b] : [b, a]
  const [step, across] = axis === 2 ? [scores, 1] : [1, steps]
  const data = floatsOf(output)
  const slopes = new Float32Array(data.length)
  const texts = textsOf(labels)
  const losses = texts.map((text, row) => {
    const target = spelled(text.trim(), alphabet)
    if (!target) return 0
    const at = (t: number, c: number): number => row * steps * scores + t * step + c * across
    const given = Float32Array.from(
      { length: steps * scores },
      (_, i) => data[at(Math.floor(i / scores), i % scores)]!,
    )
    const likely = looksLikeProbabilities(given, steps, scores)
    const logs = likely
      ? Float64Array.from(given, (p) => Math.log(Math.max(LEAST, p)))
      : logSoftmax(given, scores)
    const found = ctcLoss(logs, scores, target, alphabet.blank)
    if (!found) return 0
    const share = 1 / Math.max(1, target.length)
    found.posterior.forEach((posterior, i) => {
      const p = Math.exp(logs[i]!)
      slopes[at(Math.floor(i / scores), i % scores)] = share * (likely ? -posterior / p : p - posterior)
    })
    return share * found.loss
  })
  return { losses, slopes: { [name]: float32(output.dims, slopes) } }
}

/** Of what equal scores everywhere would lose: a model whose scores are likelihoods loses far less on what it reads. */
const SURE = 0.5

/** Scores that only their order means something of are torn down before the loss can build them up again. */
export function doubtTexts(outputs: Values, labels: Value, reading: Reading): string | undefined {
  const [name] = reading.names as [string]
  const { dims } = outputs[name]!
  const size = dims.reduce((product, dim) => product * dim, 1)
  const lossOf = (given: Values): number =>
    measureTexts(given, labels, reading).losses.reduce((sum, one) => sum + one, 0)
  const chance = lossOf({ [name]: float32(dims, new Float32Array(size)) })
  return lossOf(outputs) > SURE * chance
    ? 'by its scores the texts are hardly likelier than by equal ones'
    : undefined
}

function logSoftmax(given: Float32Array, scores: number): Float64Array {
  const logs = Float64Array.from(given)
  for (let from = 0; from < logs.length; from += scores) {
    const row = logs.subarray(from, from + scores)
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const sum = Math.log(row.reduce((total, value) => total + Math.exp(value - most), 0)) + most
    row.forEach((value, i) => (row[i] = value - sum))
  }
  return logs
}
