/** The data as the model wants it: as it is said to be read, else as it is recognised or found to be. */
import type { Doubt } from '../contract/dataset'
import { PareError } from '../contract/errors'
import type { PreprocessingTrial } from '../contract/project'
import { metricWords } from '../contract/metric-table'
import { formatMetric } from '../contract/metrics'
import { promiseText } from '../contract/reading'
import type { Quality } from '../contract/report'
import type { JobInput } from '../service'
import { specsBeside } from '../service/data-spec'
import { WITHOUT_DATA, type DataReference, type EngineSettings, type Work } from './work'

interface Reading {
  /** The original first. Absolute. */
  models: readonly [original: string, ...others: string[]]
  data: DataReference
  settings: EngineSettings
  /** Doubts are asked for also where it is said how the data is read. */
  strict?: boolean
  /** False: the model is not run, and nothing is found but what is said or recognised. */
  scored?: boolean
}

/** True where something is said of how samples are read. */
const isSaid = ({ path: _, tokenizer: __, splits: ___, ...spec }: DataReference): boolean =>
  Object.values(spec).some((value) => value !== undefined)

/**
 * Where nothing says how the data is read, what lies beside one of the models or the data does; else the usual ways are tried, unless
 * it is said how samples are prepared or classes ordered. Says what was found.
 */
export async function preparedData(
  work: Work,
  { models: [model, ...others], data, settings, strict = false, scored = true }: Reading,
): Promise<DataReference> {
  if (data.path === undefined) {
    work.say(WITHOUT_DATA)
    return data
  }
  if (data.preprocessing || data.classes) {
    if (strict) warn(work, (await work.run('openData', { model, data, settings }, READING)).doubts)
    return data
  }
  const known = isSaid(data) ? [] : specsBeside([model, ...others], data.path)
  const input = { model, data, settings }
  const read = async (): Promise<readonly Doubt[]> => {
    if (scored) return (await work.run('openData', input, READING)).doubts
    await work.run('samples', { ...input, split: 'validation', offset: 0, limit: 0 }, READING)
    return []
  }
  for (const { file, spec } of known)
    try {
      input.data = { ...data, ...spec }
      warn(work, await read())
      work.say(`The data is read as ${file} says.`)
      return input.data
    } catch (cause) {
      if (!(cause instanceof PareError) || !cause.code.startsWith('data/')) throw cause
      work.say(`${file} is for data of another form and is not used.`)
      input.data = data
    }
  if (!scored) return data
  const { baseline, looksLikeChance, doubts } = await work.run('openData', input, READING)
  const otherwise = await foundOtherwise(work, input, baseline, looksLikeChance)
  warn(work, doubts, otherwise.preprocessing !== undefined)
  return { ...data, ...otherwise }
}

const READING = 'reading the data'

/** "accuracy 99.4%" */
export const scoreText = ({ metric, value }: Quality): string =>
  `${metricWords(metric).said} ${formatMetric(metric, value)}`

export const otherwiseNote = (trial: PreprocessingTrial, baseline: Quality): string =>
  `Read another way than it would be: ${trial.explanation}; ${promiseText(trial, baseline)} on ${baseline.samples} samples.`

/** Of the score that another reading replaces. */
const OF_THE_SCORE: readonly Doubt['kind'][] = ['guessing', 'few-samples']

export const warn = (work: Work, doubts: readonly Doubt[], isReadOtherwise = false): void =>
  work.doubt(doubts.filter(({ kind }) => !isReadOtherwise || !OF_THE_SCORE.includes(kind)))

/** Another reading where one is better by more than chance explains; else a note where the score looks like guessing. */
async function foundOtherwise(
  work: Work,
  input: JobInput<'openData'>,
  baseline: Quality,
  looksLikeChance: boolean,
): Promise<Partial<DataReference>> {
  const score = scoreText(baseline)
  if (looksLikeChance)
    work.say(
      `On this data the original is not distinguishable from chance (${score} on ${baseline.samples} samples): trying other ways to read it.`,
    )
  const trials = await work.run(
    'findPreprocessing',
    { ...input, when: 'gain', baseline },
    'trying ways to read the data',
  )
  const best = trials.find(({ better }) => better)
  if (!best && !looksLikeChance) return {}
  const note = best
    ? otherwiseNote(best, baseline)
    : `No other way to read the data scores better by more than chance explains: it is read as it is (${score}, not distinguishable from chance on ${baseline.samples} samples).`
  work.say(note)
  if (!best) return { notes: [note] }
  const { preprocessing, classes } = best
  return { preprocessing, ...(classes && { classes }), notes: [note] }
}
