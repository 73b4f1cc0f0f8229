/** How much a model knows of the labels of a dataset beyond guessing. */
import type { SplitName } from '../../contract/dataset'
import { seeded } from '../math/random'
import type { Model } from '../onnx'
import { BY_TURNS, openRunner } from '../runtime'
import { answersTo, classesOf, isJudged, samplesOf, type Answers } from './answers'
import type { Dataset } from './dataset'

export interface Skill {
  /** One number per sample, larger is better: 1 for a right class and 0 for a wrong one; −squared error of numbers. */
  each: Float64Array
  /** 1 is perfect, 0 is guessing: Cohen's kappa of classes, R² of numbers. */
  value: number
  /** Standard errors above guessing; 0 where labels or answers are all alike, of which nothing can be told. */
  z: number
}

interface SkillOptions {
  /** Default: validation. */
  splits?: readonly SplitName[]
  /** Samples of each split. Default 2048. */
  limit?: number
  signal?: AbortSignal
}

const LIMIT = 2048

/** More standard errors than chance brings about: one time in 700 on one side. */
export const BEYOND_CHANCE = 3

/** Undefined for tasks whose answers are not held against labels one by one, and without labels. */
export async function skillOf(
  model: Model,
  dataset: Dataset,
  { splits = ['validation'], limit = LIMIT, signal }: SkillOptions = {},
): Promise<Skill | undefined> {
  if (!isJudged(dataset)) return undefined
  const sampling = splits.map((split) => ({
    split,
    indices: seeded(0)
      .shuffle(Array.from({ length: dataset.splits[split].length }, (_, i) => i))
      .slice(0, limit),
  }))
  const runner = await openRunner(model, BY_TURNS)
  try {
    const answers = await answersTo(runner, dataset, samplesOf(dataset, sampling, signal))
    return answers.samples > 0 ? skillIn(answers) : undefined
  } finally {
    await runner.release()
  }
}

export const skillIn = (answers: Answers): Skill =>
  answers.kind === 'numbers'
    ? skillOfNumbers(answers.answers, answers.labels)
    : skillOfClasses(classesOf(answers), [...answers.labels])

/**
 * Kappa is 0 where answers and labels do not depend on each other, however unequal the classes are. Source: J. L. Fleiss,
 * J. Cohen, B. S. Everitt, Psychological Bulletin 72 (1969) 323–327, the standard error under independence.
 */
export function skillOfClasses(answers: readonly number[], labels: readonly number[]): Skill {
  const n = answers.length
  const each = Float64Array.from(answers, (answer, i) => Number(answer === labels[i]))
  const share = (list: readonly number[]): Map<number, number> => {
    const counts = new Map<number, number>()
    for (const k of list) counts.set(k, (counts.get(k) ?? 0) + 1 / n)
    return counts
  }
  const [p, q] = [share(answers), share(labels)]
  let expected = 0
  let marginals = 0
  for (const [k, pk] of p) {
    const qk = q.get(k) ?? 0
    expected += pk * qk
    marginals += pk * qk * (pk + qk)
  }
  const observed = each.reduce((sum, right) => sum + right, 0) / n
  const spread = Math.sqrt(Math.max(0, expected + expected ** 2 - marginals))
  const told = p.size > 1 && q.size > 1 && spread > 0
  return {
    each,
    value: told ? (observed - expected) / (1 - expected) : 0,
    z: told ? ((observed - expected) * Math.sqrt(n)) / spread : 0,
  }
}

/** The mean of the labels is the guess to beat; all numbers of a sample count together. */
export function skillOfNumbers(answers: readonly number[][], labels: readonly number[][]): Skill {
  const n = labels.length
  const means = (labels[0] ?? []).map((_, d) => labels.reduce((sum, row) => sum + row[d]! / n, 0))
  const squared = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, v, d) => sum + (v - b[d]!) ** 2, 0)
  const each = Float64Array.from(labels, (row, i) => -squared(row, answers[i]!))
  const guess = Float64Array.from(labels, (row) => squared(row, means))
  const total = guess.reduce((sum, v) => sum + v, 0)
  const gains = guess.map((v, i) => v + each[i]!)
  const mean = gains.reduce((sum, v) => sum + v, 0) / n
  const deviation = Math.sqrt(gains.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, n - 1))
  const told = total > 0 && deviation > 0
  return {
    each,
    value: told ? (mean * n) / total : 0,
    z: told ? (mean * Math.sqrt(n)) / deviation : 0,
  }
}
