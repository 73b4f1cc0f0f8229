/** What the options say of the data, made ready for the models. */
import path from 'node:path'
import { preparedData as prepared } from '../library/prepared'
import { engineSettings, type DataReference } from '../library/work'
import { specOf, type SpecOptions } from './data-spec'
import type { CommonOptions, DataOptions, Session } from './session'

type Options = CommonOptions & DataOptions & SpecOptions

export const referenceOf = (options: Options): DataReference => ({
  ...(options.data !== undefined && { path: path.resolve(options.data) }),
  ...(options.tokenizer !== undefined && { tokenizer: path.resolve(options.tokenizer) }),
  ...specOf(options),
})

/** The original first where there are several. */
export async function preparedData(
  session: Session,
  models: string | readonly [original: string, ...others: string[]],
  options: Options,
  scored = true,
): Promise<DataReference> {
  const all = typeof models === 'string' ? ([models] as const) : models
  const { strict } = options
  const data = await prepared(session, {
    models: all,
    data: referenceOf(options),
    settings: engineSettings(options),
    strict,
    scored,
  })
  session.read = { model: all[0], data }
  return data
}
