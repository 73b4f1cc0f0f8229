/** The model that another is held against. */
import { InvalidArgumentError, Option } from 'commander'
import { absolute } from './command'
import type { Session } from './session'

export const originalOption = (): Option =>
  new Option(
    '--original <model>',
    'what the limits hold the model against; without it, the one that the report beside it names',
  ).argParser(absolute)

/** Throws where neither is said nor recorded what the model was made of. */
export async function originalFor(
  session: Session,
  model: string,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return given
  const { record } = await session.run('record', { model }, 'looking for the original')
  if (record?.originalThere) return record.original.path
  throw new InvalidArgumentError(
    'These limits and --target need --original: no report beside the model names one.',
  )
}
