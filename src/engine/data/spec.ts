/** The data spec: how a person, a file or what was found says that the data is read, laid over what is recognised. */
import { Preprocessing, type DataSpec } from '../../contract/dataset'
import { PareError } from '../../contract/errors'

/** What is recognised, with what the spec names in its place. Throws `data/spec` where it is for other data. */
export function preprocessingOf(
  suggested: Preprocessing,
  named: DataSpec['preprocessing'] = {},
): Preprocessing {
  const { kind = suggested.kind } = named
  if (kind !== suggested.kind)
    throw new PareError('data/spec', {
      reason: `its preprocessing is of kind “${String(kind)}”, and this data is read as “${suggested.kind}”`,
    })
  const merged = Preprocessing.safeParse({ ...suggested, ...named })
  if (merged.success) return merged.data
  const [issue] = merged.error.issues
  const reason =
    issue?.code === 'unrecognized_keys'
      ? `data read as “${suggested.kind}” has no preprocessing called ${issue.keys.join(', ')}`
      : `preprocessing.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
  throw new PareError('data/spec', { reason })
}

/** Which arrays or columns feed which inputs, as a preprocessing that was saved says. */
export const columnsOf = (named: DataSpec['preprocessing']): Record<string, string> =>
  (named?.['columns'] as Record<string, string> | undefined) ?? {}
