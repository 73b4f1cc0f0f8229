/**
 * Finds how inputs were prepared and classes ordered when the model was trained, by trying the usual ways. Ways are ranked
 * on calibration and training samples by what the answers tell of the labels; what is better is confirmed on others.
 */
import type { Preprocessing } from '../../contract/dataset'
import { gainByChance } from '../math/paired'
import { sizeOf, type Model } from '../onnx'
import { isJudged, lossesOf, meanOf, type Answers } from './answers'
import type { Dataset, Variant } from './dataset'
import { findUnlabelled } from './find-unlabelled'
import { AS_BEFORE, byValue, inOrder, LEVEL, type Finding, type FindOptions } from './finding'
import { fitPreprocessing } from './fit'
import { rawStatistics } from './raw-statistics'
import { BEYOND_CHANCE, skillIn } from './skill'
import { isAsGood, simplest } from './simplest'
import { lostBy, samplingsOf, Trials, type Reading, type Samplings, type Trial } from './trials'
import { INVOLVED, resizeVariants, variantsOf, type RawStatistics } from './variants'

/** Samples every way is tried on, and how many ways are then ranked on all. */
const FEW = 64
const KEPT = 6
const RANKED = { fewest: 256, most: 1024, numbers: 2 ** 20 }
const SCORED = 5

/**
 * The baseline first where nothing is better, else the one that is believed and then best first. It is always in the list.
 */
export async function findPreprocessing(
  model: Model,
  dataset: Dataset,
  score: (dataset: Dataset) => Promise<number>,
  options: FindOptions = {},
): Promise<Finding[]> {
  const { when = 'gain', scored = SCORED, signal, progress } = options
  if (dataset.task === 'unlabelled') return findUnlabelled(model, dataset, options)
  const baseline: Finding = {
    preprocessing: dataset.preprocessing,
    value: options.value ?? (await score(dataset)),
    baseline: true,
    better: false,
    explanation: AS_BEFORE,
  }
  if (!isJudged(dataset)) return [baseline]
  const raw = await rawStatistics(dataset)
  const { fewest, most, numbers } = RANKED
  const size = sampleSize(dataset.preprocessing, raw)
  const samples = options.samples ?? Math.max(fewest, Math.min(most, Math.floor(numbers / size)))
  const samplings = samplingsOf(dataset, Math.min(FEW, samples), samples)
  const trials = await Trials.open(model, dataset, signal)
  try {
    const asItIs = await trials.answers({}, samplings.ranked)
    if (when === 'gain' && isPerfect(asItIs)) return [baseline]
    const loss = meanOf(lossesOf(asItIs))
    const tried = await ranked(trials, samplings, loss, raw, progress)
    const promising = when === 'always' ? tried : tried.filter((trial) => trial.loss < loss)
    const candidates = worthScoring(promising, scored)
    if (candidates.length === 0) return [baseline]
    const found: Confirmed[] = []
    const before = await trials.answers({}, samplings.confirming)
    for (const [i, trial] of candidates.entries()) {
      const { words, preprocessing = dataset.preprocessing, classes, instead, involved } = trial
      progress?.(0.5 + (0.5 * i) / candidates.length, `Scoring way ${i + 1} of ${candidates.length}`)
      const way = { preprocessing, ...(classes && { classes }) }
      const value = await score(trials.read(way))
      const against = instead ? await trials.answers(instead, samplings.confirming) : before
      const answers = await trials.answers(way, samplings.confirming)
      const better = value > baseline.value && isBetter(answers, against, candidates.length)
      const finding = { ...way, value, baseline: false, better, explanation: words }
      found.push({ finding, involved, losses: lossesOf(answers) })
    }
    const believed = believedOf(found, 1 / dataset.splits.validation.length)
    return inOrder([baseline, ...found.map(({ finding }) => finding)], believed)
  } finally {
    await trials.close()
  }
}

interface Confirmed {
  finding: Finding
  involved: number
  /** Of the samples that confirm. */
  losses: Float64Array
}

/** `sample`: what one validation sample is of the score; no simpler reading may lose more. */
function believedOf(found: readonly Confirmed[], sample: number): Finding | undefined {
  const better = found.filter(({ finding }) => finding.better).sort((a, b) => byValue(a.finding, b.finding))
  const asGood = (way: Confirmed, best: Confirmed): boolean =>
    best.finding.value - way.finding.value <= sample && isAsGood(excess(way.losses, best.losses))
  return simplest(better, asGood)?.finding
}

const excess = (losses: Float64Array, less: Float64Array): Float64Array =>
  losses.map((loss, i) => loss - less[i]!)

/** The best, the best of all that are simpler and as good on the samples tried, and what follows the best. */
function worthScoring(tried: readonly Trial[], most: number): Trial[] {
  const [best] = tried
  if (!best) return []
  const simpler = tried.filter(
    (way, i) =>
      way.involved < best.involved &&
      tried.findIndex(({ involved }) => involved === way.involved) === i &&
      isAsGood(excess(way.losses, best.losses)),
  )
  return [...new Set([best, ...simpler, ...tried])].slice(0, most)
}

/** Numbers in a sample; many where that is not known, so that few samples are read. */
function sampleSize(preprocessing: Preprocessing, raw: RawStatistics | undefined): number {
  if (preprocessing.kind === 'image')
    return preprocessing.width * preprocessing.height * preprocessing.channels
  if (preprocessing.kind === 'audio') return preprocessing.samples * preprocessing.channels
  return raw ? sizeOf(raw.dims) : Infinity
}

const isPerfect = (answers: Answers): boolean =>
  answers.samples >= FEW && answers.kind === 'classes' && skillIn(answers).each.every((right) => right === 1)

function isBetter(answers: Answers, before: Answers, tried: number): boolean {
  if (skillIn(answers).z <= BEYOND_CHANCE) return false
  const [losses, lossesBefore] = [lossesOf(answers), lossesOf(before)]
  return gainByChance(lossesBefore.map((loss, i) => loss - losses[i]!)) < LEVEL / tried
}

const key = ({ preprocessing, classes }: Variant): string => JSON.stringify([preprocessing, classes])

/** Best first; none is read as the dataset is. */
async function ranked(
  trials: Trials,
  samplings: Samplings,
  asItIs: number,
  raw: RawStatistics | undefined,
  progress: FindOptions['progress'],
): Promise<Trial[]> {
  const { dataset } = trials
  const seen = new Set([key({ preprocessing: dataset.preprocessing })])
  const isNew = ({ preprocessing = dataset.preprocessing, classes }: Variant): boolean => {
    const id = key({ preprocessing, ...(classes && { classes }) })
    return !seen.has(id) && Boolean(seen.add(id))
  }
  const ways = variantsOf(dataset.preprocessing, raw).filter(isNew)
  const firstLook: { way: Reading; loss: number }[] = []
  for (const [i, way] of ways.entries()) {
    progress?.((0.3 * i) / ways.length, `Trying how samples are read: way ${i + 1} of ${ways.length}`)
    const all = await trials.all(way, samplings.few)
    firstLook.push({ way, loss: Math.min(...all.map(({ loss }) => loss)) })
  }
  const kept = firstLook.sort((a, b) => a.loss - b.loss).slice(0, KEPT)
  const asRead = { words: 'the same inputs', involved: INVOLVED.asTheyAre }
  const tried = (await trials.all(asRead, samplings.ranked)).slice(1)
  for (const [i, { way }] of kept.entries()) {
    progress?.(
      0.3 + (0.15 * i) / kept.length,
      `Checking how samples are read: way ${i + 1} of ${kept.length}`,
    )
    tried.push(...(await trials.all(way, samplings.ranked)))
  }
  const [best] = tried.toSorted((a, b) => a.loss - b.loss).filter(({ loss }) => loss < asItIs)
  const { preprocessing: base = dataset.preprocessing, classes, words: how } = best ?? {}
  if (base.kind === 'image')
    for (const { preprocessing, words, involved } of resizeVariants(base)) {
      const way = {
        preprocessing,
        ...(classes && { classes }),
        words: how ? `${how}, ${words}` : words,
        involved: (best?.involved ?? 0) + involved,
      }
      if (isNew(way)) tried.push(...(await trials.all(way, samplings.ranked)))
    }
  progress?.(0.48, 'Fitting scale and offset')
  tried.push(...(await refined(trials, samplings, tried, asItIs)))
  return tried.sort((a, b) => a.loss - b.loss)
}

/**
 * From the best way, scale and offset fitted to the labels, where that tells more of them than the way itself. Of sounds, whose
 * usual gains are far apart, from the plain reading too: a wrong rate at a loud gain may tell more than the right one at a quiet.
 */
async function refined(
  trials: Trials,
  { ranked, fitting }: Samplings,
  tried: readonly Trial[],
  asItIs: number,
): Promise<Trial[]> {
  const { preprocessing: plain } = trials.dataset
  const asRead = { preprocessing: plain, words: '', loss: asItIs, involved: INVOLVED.asTheyAre }
  const best = [...tried, asRead].reduce((a, b) => (b.loss < a.loss ? b : a))
  const starts = plain.kind === 'audio' && best !== asRead ? [best, asRead] : [best]
  const found: Trial[] = []
  for (const start of starts) {
    const preprocessing = await fitPreprocessing(trials, trials.read(start), fitting, trials.signal)
    if (!preprocessing) continue
    const words = 'scale and offset fitted to labelled samples'
    const way = { ...start, preprocessing, words, involved: start.involved + INVOLVED.fitted }
    const lost = lostBy(await trials.answers(way, ranked))
    if (lost.loss < start.loss) found.push({ ...way, ...lost, instead: start })
  }
  return found
}
