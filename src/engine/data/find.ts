/**
 * Finds how inputs were prepared when the model was trained, by trying the usual ways and scoring them: for a
 * baseline that looks like chance. Candidates are ranked on calibration and training samples; the score that
 * is reported is the caller's, on samples none of this has seen.
 */
import type { Preprocessing } from '../../contract/dataset'
import { signTest } from '../math/statistics'
import type { Model } from '../onnx'
import { agreement, bestOrder, confusionOf } from './confusion'
import type { Dataset, Variant } from './dataset'
import { rawStatistics } from './raw-statistics'
import { BEYOND_CHANCE, skillOf, type Skill } from './skill'
import { resizeVariants, variantsOf } from './variants'

export interface Finding {
  preprocessing: Preprocessing
  /** Only where another order of classes is part of the finding. */
  classes?: readonly string[]
  /** The caller's score, larger is better. */
  value: number
  /** How the dataset was read before. */
  baseline: boolean
  /** Better than the baseline, and than guessing, by more than chance explains on the samples it is scored on. */
  better: boolean
  /** How the samples are read, in words. */
  explanation: string
}

export interface FindOptions {
  /** 'chance' (default) tries nothing where the baseline is better than chance. */
  when?: 'chance' | 'always'
  /** Samples used to rank candidates. Default 256. */
  samples?: number
  /** Candidates that are scored. Default 5. */
  scored?: number
  signal?: AbortSignal
  progress?: (done: number, message: string) => void
}

export const withPreprocessing = (dataset: Dataset, preprocessing: Preprocessing): Dataset =>
  dataset.variant({ preprocessing })

/** Standard normal quantile at 0.975. */
const Z = 1.959964

/** Whether an accuracy lies within (or below) the 95% interval of guessing among `classes`. */
export function looksLikeChance(accuracy: number, classes: number, samples: number): boolean {
  const p = 1 / classes
  return accuracy <= p + Z * Math.sqrt((p * (1 - p)) / Math.max(1, samples))
}

/** More classes are not matched to answers: with few samples of each, anything fits. */
const MATCHED_CLASSES = 200

interface Candidate extends Variant {
  words: string
  /** On the samples it was ranked with. */
  agreement: number
}

/** Best first. The baseline is always in the list. */
export async function findPreprocessing(
  model: Model,
  dataset: Dataset,
  score: (dataset: Dataset) => Promise<number>,
  options: FindOptions = {},
): Promise<Finding[]> {
  const value = await score(dataset)
  const baseline: Finding = {
    preprocessing: dataset.preprocessing,
    value,
    baseline: true,
    better: false,
    explanation: 'as it is read now',
  }
  if ((options.when ?? 'chance') === 'chance' && !suspicious(dataset, value)) return [baseline]
  const candidates =
    dataset.task === 'classification' ? await ranked(model, dataset, options) : await unranked(dataset)
  const findings = [baseline]
  const before = await skillOf(model, dataset, options)
  for (const [i, candidate] of candidates.entries()) {
    options.signal?.throwIfAborted()
    options.progress?.(0.5 + (0.5 * i) / candidates.length, `Scoring way ${i + 1} of ${candidates.length}`)
    const { words, preprocessing = dataset.preprocessing, classes } = candidate
    const variant = dataset.variant({ preprocessing, ...(classes && { classes }) })
    const scored = await score(variant)
    const skill = scored > value ? await skillOf(model, variant, options) : undefined
    findings.push({
      preprocessing,
      ...(classes && { classes }),
      value: scored,
      baseline: false,
      better: isBetter(skill, before, candidates.length),
      explanation: words,
    })
  }
  return findings.sort((a, b) => b.value - a.value || Number(b.baseline) - Number(a.baseline))
}

/** Of all that are tried together, one in a hundred may seem better by chance. */
const LEVEL = 0.01

function isBetter(skill: Skill | undefined, before: Skill | undefined, tried: number): boolean {
  if (!skill || !before || skill.z <= BEYOND_CHANCE) return false
  let won = 0
  let lost = 0
  for (const [i, good] of skill.each.entries()) {
    if (good > before.each[i]!) won++
    else if (good < before.each[i]!) lost++
  }
  return signTest(won, lost) < LEVEL / tried
}

function suspicious(dataset: Dataset, value: number): boolean {
  if (dataset.task === 'classification')
    return looksLikeChance(value, dataset.classes!.length, dataset.splits.validation.length)
  // R² of 0 is what the mean of the labels scores.
  return dataset.task === 'regression' && value <= 0
}

const key = ({ preprocessing, classes }: Variant): string => JSON.stringify([preprocessing, classes])

async function unranked(dataset: Dataset): Promise<Candidate[]> {
  const base = key({ preprocessing: dataset.preprocessing })
  return variantsOf(dataset.preprocessing, await rawStatistics(dataset))
    .filter(({ preprocessing }) => key({ preprocessing }) !== base)
    .map((variant) => ({ ...variant, agreement: 0 }))
}

async function ranked(model: Model, dataset: Dataset, options: FindOptions): Promise<Candidate[]> {
  const limit = options.samples ?? 256
  const first = variantsOf(dataset.preprocessing, await rawStatistics(dataset))
  const tried: Candidate[] = [
    ...(await tryOne(model, dataset, { words: 'the same inputs' }, limit, options.signal)),
  ]
  for (const [i, variant] of first.entries()) {
    options.progress?.((0.5 * i) / (first.length + 3), variant.words)
    tried.push(...(await tryOne(model, dataset, variant, limit, options.signal)))
  }
  const best = tried.toSorted((a, b) => b.agreement - a.agreement)[0]!
  if (best.preprocessing?.kind === 'image')
    for (const { preprocessing, words } of resizeVariants(best.preprocessing)) {
      const variant = { preprocessing, words: `${best.words}, ${words}` }
      tried.push(...(await tryOne(model, dataset, variant, limit, options.signal)))
    }
  const seen = new Set([key({ preprocessing: dataset.preprocessing })])
  const fresh = tried.filter((candidate) => {
    const id = key({
      preprocessing: candidate.preprocessing ?? dataset.preprocessing,
      ...(candidate.classes && { classes: candidate.classes }),
    })
    if (seen.has(id)) return false
    seen.add(id)
    return true
  })
  return fresh.sort((a, b) => b.agreement - a.agreement).slice(0, options.scored ?? 5)
}

/** One way to prepare inputs, with the classes as they are and in the other orders they may have. */
async function tryOne(
  model: Model,
  dataset: Dataset,
  { preprocessing, words }: { preprocessing?: Preprocessing; words: string },
  limit: number,
  signal?: AbortSignal,
): Promise<Candidate[]> {
  const confusion = await confusionOf(
    model,
    preprocessing ? withPreprocessing(dataset, preprocessing) : dataset,
    limit,
    signal,
  )
  const common = preprocessing ? { preprocessing } : {}
  const plain: Candidate = { ...common, words, agreement: agreement(confusion) }
  const names = dataset.classes!
  if (!dataset.guessedOrder || names.length > MATCHED_CLASSES) return [plain]
  const best = bestOrder(confusion, names)
  if (best.agreement <= plain.agreement) return [plain]
  const alphabetical = best.classes.every((name, i) => name === names.toSorted()[i])
  const how = alphabetical
    ? 'classes in alphabetical order'
    : `classes in the order ${shortList(best.classes)}, matched to the model's answers on ${confusion.samples} other samples`
  return [
    plain,
    { ...common, classes: best.classes, words: `${words}, with ${how}`, agreement: best.agreement },
  ]
}

const shortList = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 6).join(', ')} …`
