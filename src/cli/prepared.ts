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
  const score = `${baseline.metric} ${baseline.value.toFixed(4)}`
  session.progress.say(
    `The original scores like guessing on this data (${score}): trying other ways to read it.`,
  )
  const [best] = await session.run('findPreprocessing', input, 'trying ways to read the data')
  if (!best || best.score <= baseline.value) {
    session.progress.say('No usual way to read it scores better. Check that the data belongs to this model.')
    return data
  }
  session.progress.say(`Read another way: ${best.explanation} (${baseline.metric} ${best.score.toFixed(4)}).`)
  return { ...data, preprocessing: best.preprocessing, ...(best.classes && { classes: best.classes }) }
}
