/** The data as the model wants it: as it is said to be read, else as it is recognised or found to be. */
import path from 'node:path'
import type { Doubt } from '../contract/dataset'
import { PareError } from '../contract/errors'
import type { PreprocessingTrial } from '../contract/project'
import { promiseText } from '../contract/reading'
import type { Quality } from '../contract/report'
import type { JobInput } from '../service'
import { specBeside, specOf, type SpecOptions } from './data-spec'
import { engineSettings, WITHOUT_DATA, type CommonOptions, type DataOptions, type Session } from './session'

type Reference = JobInput<'openData'>['data']
type Options = CommonOptions & DataOptions & SpecOptions

/**
 * Where nothing says how the data is read, what lies beside one of the models does; else the usual ways are tried, unless
 * it is said how samples are prepared or classes ordered. Says on stderr what was found.
 */
export async function preparedData(
  session: Session,
  models: string | readonly [original: string, ...others: string[]],
  options: Options,
): Promise<Reference> {
  const [model, ...others] = typeof models === 'string' ? [models] : models
  const data = await foundData(session, [model, ...others], options)
  session.read = { model, data }
  return data
}

async function foundData(
  session: Session,
  [model, ...others]: readonly [original: string, ...others: string[]],
  options: Options,
): Promise<Reference> {
  const data = referenceOf(options)
  if (data.path === undefined) {
    session.progress.say(WITHOUT_DATA)
    return data
  }
  const said = specOf(options)
  if (said?.preprocessing || said?.classes) {
    const input = { model, data, settings: engineSettings(options) }
    if (options.strict) warn(session, (await session.run('openData', input, 'reading the data')).doubts)
    return data
  }
  const known = said ? undefined : [model, ...others].map(specBeside).find((found) => found !== undefined)
  const input = { model, data: { ...data, ...known?.spec }, settings: engineSettings(options) }
  if (known)
    try {
      const { doubts } = await session.run('openData', input, 'reading the data')
      warn(session, doubts)
      session.progress.say(`The data is read as ${known.file} says.`)
      return input.data
    } catch (cause) {
      if (!(cause instanceof PareError) || !cause.code.startsWith('data/')) throw cause
      session.progress.say(`${known.file} is for data of another form and is not used.`)
      input.data = data
    }
  const { baseline, looksLikeChance, doubts } = await session.run('openData', input, 'reading the data')
  const otherwise = await foundOtherwise(session, input, baseline, looksLikeChance)
  // Read the other way it guesses no longer.
  warn(session, otherwise.preprocessing ? doubts.filter(({ kind }) => kind !== 'guessing') : doubts)
  return { ...data, ...otherwise }
}

export const referenceOf = (options: Options): Reference => ({
  ...(options.data !== undefined && { path: path.resolve(options.data) }),
  ...(options.tokenizer !== undefined && { tokenizer: path.resolve(options.tokenizer) }),
  ...specOf(options),
})

export const scoreText =
  ({ metric }: Quality) =>
  (value: number): string =>
    `${metric} ${value.toFixed(4)}`

export const otherwiseNote = (trial: PreprocessingTrial, baseline: Quality): string =>
  `Read another way than it would be: ${trial.explanation}; ${promiseText(trial, baseline)} on ${baseline.samples} samples.`

/** Says each doubt, and remembers them for `--strict`. */
export function warn(session: Session, doubts: readonly Doubt[]): void {
  session.doubts += doubts.length
  for (const { message } of doubts) session.progress.say(`Warning: ${message}`)
}

/** Another reading where one is better by more than chance explains; else a note where the score looks like guessing. */
async function foundOtherwise(
  session: Session,
  input: JobInput<'openData'>,
  baseline: Quality,
  looksLikeChance: boolean,
): Promise<Partial<Reference>> {
  const score = scoreText(baseline)
  if (looksLikeChance)
    session.progress.say(
      `The original scores like guessing on this data (${score(baseline.value)}): trying other ways to read it.`,
    )
  const trials = await session.run(
    'findPreprocessing',
    { ...input, when: 'gain', baseline },
    'trying ways to read the data',
  )
  const best = trials.find(({ better }) => better)
  if (!best && !looksLikeChance) return {}
  const note = best
    ? otherwiseNote(best, baseline)
    : `The original scores like guessing (${score(baseline.value)}), and no other way to read the data scores better by more than chance explains on ${baseline.samples} samples: it is read as it is. Check that it belongs to this model.`
  session.progress.say(note)
  if (!best) return { notes: [note] }
  const { preprocessing, classes } = best
  return { preprocessing, ...(classes && { classes }), notes: [note] }
}
