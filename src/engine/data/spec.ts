/** The data spec: how a person, a file or what was found says that the data is read, laid over what is recognised. */
import { widthOf } from '../../contract/audio-features'
import { Preprocessing, type DataSpec } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import { conventionFeatures, conventionNames } from './sounds/conventions'

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
  const features = featuresOf(suggested, named)
  const merged = Preprocessing.safeParse({ ...suggested, ...named, ...(features && { features }) })
  if (merged.success) return merged.data
  const [issue] = merged.error.issues
  const reason =
    issue?.code === 'unrecognized_keys'
      ? `data read as “${suggested.kind}” has no preprocessing called ${issue.keys.join(', ')}`
      : `preprocessing.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
  throw new PareError('data/spec', { reason })
}

/** What is said of a front end: its whole description, some of it, or the name of a convention. */
function featuresOf(
  suggested: Preprocessing,
  named: NonNullable<DataSpec['preprocessing']>,
): object | undefined {
  const said = named['features']
  if (suggested.kind !== 'audio' || said === undefined) return undefined
  const { features, sampleRate } = suggested
  if (!features) throw new PareError('data/spec', { reason: 'the model takes waves, not features of them' })
  if (typeof said !== 'string') return { ...features, ...(said as object) }
  const { kind, layout, window, hop, frames } = features
  const rate = typeof named['sampleRate'] === 'number' ? named['sampleRate'] : sampleRate
  const shape = { kind, layout, width: widthOf(features), frames }
  const whole = conventionFeatures(said, shape, { window, hop }, rate)
  if (whole) return { ...whole, frames }
  const reason = `there is no front end “${said}” for ${kind}; there are ${conventionNames(kind).join(', ')}`
  throw new PareError('data/spec', { reason })
}

/** Which arrays or columns feed which inputs, as a preprocessing that was saved says. */
export const columnsOf = (named: DataSpec['preprocessing']): Record<string, string> =>
  (named?.['columns'] as Record<string, string> | undefined) ?? {}
