/** The data as the model wants it: where the original scores like guessing, the usual ways to read it are tried. */
import type { JobInput } from '../service'
import {
  dataOf,
  engineSettings,
  WITHOUT_DATA,
  type CommonOptions,
  type DataOptions,
  type Session,
} from './session'

type Reference = JobInput<'openData'>['data']

/** Says on stderr what was found; the data as it was given where nothing scores better. */
export async function preparedData(
  session: Session,
  model: string,
  options: CommonOptions & DataOptions,
): Promise<Reference> {
  const data = dataOf(options)
  if (data.path === undefined) {
    session.progress.say(WITHOUT_DATA)
    return data
  }
  const input = { model, data, settings: engineSettings(options) }
  const { baseline, looksLikeChance } = await session.run('openData', input, 'reading the data')
  if (!looksLikeChance) return data
  const score = (value: number): string => `${baseline.metric} ${value.toFixed(4)}`
  session.progress.say(
    `The original scores like guessing on this data (${score(baseline.value)}): trying other ways to read it.`,
  )
  const trials = await session.run('findPreprocessing', input, 'trying ways to read the data')
  const best = trials.find(({ better }) => better)
  const note = best
    ? `Read another way than it would be: ${best.explanation}; the original then scores ${score(best.score)} instead of ${score(baseline.value)} on ${baseline.samples} samples.`
    : `The original scores like guessing (${score(baseline.value)}), and no other way to read the data scores better by more than chance explains on ${baseline.samples} samples: it is read as it is. Check that it belongs to this model.`
  session.progress.say(note)
  if (!best) return { ...data, notes: [note] }
  const { preprocessing, classes } = best
  return { ...data, preprocessing, ...(classes && { classes }), notes: [note] }
}
