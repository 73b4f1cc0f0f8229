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
import { LEVEL, type Finding, type FindOptions } from './finding'
import { fitPreprocessing } from './fit'
import { rawStatistics } from './raw-statistics'
import { BEYOND_CHANCE, skillIn } from './skill'
import { samplingsOf, Trials, type Reading, type Samplings, type Trial } from './trials'
import { resizeVariants, variantsOf, type RawStatistics } from './variants'

/** Samples every way is tried on, and how many ways are then ranked on all. */
const FEW = 64
const KEPT = 6
const RANKED = { fewest: 256, most: 1024, numbers: 2 ** 20 }
const SCORED = 5

/** The baseline first where nothing is better, else best first. It is always in the list. */
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
    explanation: 'as it is read now',
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
    const candidates = promising.slice(0, scored)
    if (candidates.length === 0) return [baseline]
    const findings = [baseline]
    const before = await trials.answers({}, samplings.confirming)
    for (const [
      i,
      { words, preprocessing = dataset.preprocessing, classes, instead },
    ] of candidates.entries()) {
      progress?.(0.5 + (0.5 * i) / candidates.length, `Scoring way ${i + 1} of ${candidates.length}`)
      const way = { preprocessing, ...(classes && { classes }) }
      const value = await score(trials.read(way))
      const against = instead ? await trials.answers(instead, samplings.confirming) : before
      const better =
        value > baseline.value &&
        isBetter(await trials.answers(way, samplings.confirming), against, candidates.length)
      findings.push({ ...way, value, baseline: false, better, explanation: words })
    }
    return findings.sort((a, b) => b.value - a.value || Number(b.baseline) - Number(a.baseline))
  } finally {
    await trials.close()
  }
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
    progress?.((0.3 * i) / ways.length, `Trying way ${i + 1} of ${ways.length}`)
    const all = await trials.all(way, samplings.few)
    firstLook.push({ way, loss: Math.min(...all.map(({ loss }) => loss)) })
  }
  const kept = firstLook.sort((a, b) => a.loss - b.loss).slice(0, KEPT)
  const tried = (await trials.all({ words: 'the same inputs' }, samplings.ranked)).slice(1)
  for (const [i, { way }] of kept.entries()) {
    progress?.(0.3 + (0.15 * i) / kept.length, `Comparing way ${i + 1} of ${kept.length}`)
    tried.push(...(await trials.all(way, samplings.ranked)))
  }
  const [best] = tried.toSorted((a, b) => a.loss - b.loss).filter(({ loss }) => loss < asItIs)
  const { preprocessing: base = dataset.preprocessing, classes, words: how } = best ?? {}
  if (base.kind === 'image')
    for (const { preprocessing, words } of resizeVariants(base)) {
      const way = { preprocessing, ...(classes && { classes }), words: how ? `${how}, ${words}` : words }
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
  const asRead: Trial = { preprocessing: plain, words: '', loss: asItIs }
  const best = [...tried, asRead].sort((a, b) => a.loss - b.loss)[0]!
  const starts = plain.kind === 'audio' && best !== asRead ? [best, asRead] : [best]
  const found: Trial[] = []
  for (const start of starts) {
    const preprocessing = await fitPreprocessing(trials, trials.read(start), fitting, trials.signal)
    if (!preprocessing) continue
    const way = { ...start, preprocessing, words: 'scale and offset fitted to labelled samples' }
    const loss = meanOf(lossesOf(await trials.answers(way, ranked)))
    if (loss < start.loss) found.push({ ...way, loss, instead: start })
  }
  return found
}
