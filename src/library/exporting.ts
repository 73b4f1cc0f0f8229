/** Bundles of models that Pare made or others did. */
import path from 'node:path'
import { PareError } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { fileName, type JobInput, type JobOutput, type ModelRecord } from '../service'
import type { DataReference, EngineSettings, Work } from './work'

interface BundleOptions {
  /** Absolute. */
  model: string
  /** What is given; `known` is used otherwise. Absent path: nothing was given. */
  data: DataReference
  settings: EngineSettings
  target: string
  maxRam?: number
  arduino?: boolean
  cmsis?: boolean
  /** Absolute; a zip where it ends in .zip, else a folder. */
  out: string
  overwrite: boolean
  /** Preprocessing and class names become part of the model. */
  embed?: boolean
  record: ModelRecord | undefined
}

type Written = JobOutput<'exportBundle'> &
  Pick<JobOutput<'exportPlan'>, 'checks'> & {
    /** What golden samples and preprocessing are of. */
    data: DataReference
  }

/** Throws `export/exists` and what the engine throws. */
export async function writeBundle(work: Work, options: BundleOptions): Promise<Written> {
  const { model, settings, target, maxRam, arduino, cmsis, out, overwrite, embed, record } = options
  const { report, original, recipe, steps } = record ?? {}
  const data = options.data.path === undefined ? await knownData(work, options) : options.data
  const request: JobInput<'exportPlan'> = {
    model,
    data,
    settings,
    target,
    ...(maxRam !== undefined && { maxRam }),
    ...(arduino && { arduino }),
    ...(cmsis && { cmsis }),
    ...(embed && { embed: true }),
    name: fileName(path.basename(model, path.extname(model))),
    ...(record && { report, original, recipe, steps }),
  }
  const form = out.toLowerCase().endsWith('.zip') ? ('zip' as const) : ('folder' as const)
  const { checks } = await work.run('exportPlan', request, 'planning the bundle')
  const written = await work.run('exportBundle', { ...request, form, out, overwrite }, 'writing the bundle')
  return { ...written, checks, data }
}

/** What the model was made with as far as that is known and still there; says which it is. */
async function knownData(
  work: Work,
  { model, data: { tokenizer }, settings, record }: BundleOptions,
): Promise<DataReference> {
  if (!record?.data) return {}
  const { path: place, same, spec } = record.data
  const without = 'The bundle says nothing of preprocessing and labels; --data gives it what it needs.'
  if (!same) {
    work.say(`The data the model was made with (${place}) is gone or has changed. ${without}`)
    return {}
  }
  const data = { ...spec, path: place, ...(tokenizer && { tokenizer }) }
  try {
    await work.run('openData', { model, data, settings }, 'reading the data')
  } catch (cause) {
    if (!(cause instanceof PareError) || !cause.code.startsWith('data/')) throw cause
    work.say(`${errorMessage(cause.data).what} ${without}`)
    return {}
  }
  work.say(`Preprocessing, labels and golden samples are of the data the model was made with: ${place}`)
  return data
}
