/** When an answer to a sample has changed, and whether it was right before and is now. */
import type { SampleResults } from '../../contract/report'

export interface Compared {
  changed: boolean
  /** Null where nothing says what is right. For answers that are near or far: whether a changed one is nearer. */
  right: boolean | null
  was: boolean | null
}

/** Of sample `i` of the results. */
export type Comparison = (candidate: SampleResults, i: number) => Compared

/** Answers that are numbers have changed when they moved by more than this share of the answers' range. */
const MOVED = 0.01
/** Outputs whose likeness to the original falls below this have changed. */
const UNLIKE = 0.99

/** Answers that are classes. */
export const byAnswer =
  (original: SampleResults): Comparison =>
  (candidate, i) => {
    const [label, before, after] = [original.label[i], original.answer[i], candidate.answer[i]]
    const known = label !== null && label !== undefined
    return {
      changed: before !== after,
      right: known ? after === label : null,
      was: known ? before === label : null,
    }
  }

/** Answers that are numbers, their score the distance to the label. */
export function byDistance(original: SampleResults): Comparison {
  let low = Infinity
  let high = -Infinity
  for (const answer of original.answer) {
    low = Math.min(low, answer)
    high = Math.max(high, answer)
  }
  const step = MOVED * (high - low)
  return (candidate, i) => {
    const changed = Math.abs(candidate.answer[i]! - original.answer[i]!) > step
    const nearer = candidate.score[i]! < original.score[i]!
    return { changed, right: changed ? nearer : null, was: changed ? !nearer : null }
  }
}

/** Scores are shares of what is right: more is better. */
export const byScore =
  (original: SampleResults): Comparison =>
  (candidate, i) => {
    const difference = candidate.score[i]! - original.score[i]!
    const changed = Math.abs(difference) > MOVED
    return { changed, right: changed ? difference > 0 : null, was: changed ? difference < 0 : null }
  }

/** Answers that are words: right where nothing of them is wrong, which is their score. */
export const byText =
  (original: SampleResults): Comparison =>
  (candidate, i) => ({
    changed: candidate.text?.[i] !== original.text?.[i],
    right: candidate.score[i] === 0,
    was: original.score[i] === 0,
  })

/** Decibels: a tenth is what nobody sees. */
export const byDecibel =
  (original: SampleResults): Comparison =>
  (candidate, i) => {
    const difference = candidate.score[i]! - original.score[i]!
    const changed = Math.abs(difference) > 0.1
    return { changed, right: changed ? difference > 0 : null, was: changed ? difference < 0 : null }
  }

/** Scores are cosines to the original. */
const byLikeness = (): Comparison => (candidate, i) => ({
  changed: candidate.score[i]! < UNLIKE,
  right: null,
  was: null,
})

/** As `byLikeness`, where the answer is the class of the nearest other sample, or that sample; below zero it was not sought. */
export const byNeighbour = (original: SampleResults): Comparison => {
  const [same, like] = [byAnswer(original), byLikeness()]
  return (candidate, i) => {
    const { changed, ...judged } = same(candidate, i)
    const sought = original.answer[i]! >= 0
    return {
      changed: (sought && changed) || like(candidate, i).changed,
      ...(sought ? judged : { right: null, was: null }),
    }
  }
}

/** As `byLikeness`, where the answer is which element is the largest. */
export const byLikenessOrAnswer =
  (original: SampleResults): Comparison =>
  (candidate, i) => ({
    changed: candidate.answer[i] !== original.answer[i] || candidate.score[i]! < UNLIKE,
    right: null,
    was: null,
  })

const four = (value: number): string => String(Number(value.toPrecision(4)))

/** The class of the nearest other sample. */
export const neighbourText = (value: number, classes?: readonly string[]): string =>
  value < 0 ? 'not compared' : classText(value, classes)

/** A class by its name; below zero there is none. */
export const classText = (value: number, classes?: readonly string[]): string =>
  value < 0 ? 'no answer' : (classes?.[value] ?? four(value))

/** A number, none below zero. */
export const countText = (value: number): string => (value < 0 ? 'no answer' : four(value))

export const numberText = four

export const decibelText = (value: number): string => `${value.toFixed(1)} dB`
export const entitiesText = (value: number): string => (value === 1 ? '1 entity' : `${value} entities`)
