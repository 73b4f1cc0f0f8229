/** Which samples each model finds most alike: the page of a sample whose answer is a vector. */
import type { Neighbour, ViewOf } from '../../contract/sample-views'
import { floatsOf } from '../runtime/value'
import { labelNumbers } from './metric'
import { unit } from './ranking'
import type { Gallery, Shown } from './task'

/** Of each model's list. */
const SHOWN = 5

interface Ranked {
  /** Position in the gallery. */
  at: number
  likeness: number
}

/** Undefined where there is nothing to compare with. */
export async function neighbours({
  outputs,
  choice,
  label,
  classes,
  gallery,
}: Shown): Promise<ViewOf<'neighbours'>[] | undefined> {
  if (!gallery || gallery.indices.every((other) => other === gallery.index)) return undefined
  const named = namesIn(gallery, classes)
  const own = label && labelNumbers(label, 'retrieval')[0]
  const lists = outputs.map((each, model) => {
    const vector = floatsOf(each[choice.names[0]!]!)
    return ranked(unit(vector, 0, vector.length), floatsOf(gallery.outputs[model]!), gallery)
  })
  return Promise.all(
    lists.map(async (list, model) => ({
      kind: 'neighbours' as const,
      among: list.length,
      found: await Promise.all(
        list.slice(0, SHOWN).map(async ({ at, likeness }): Promise<Neighbour> => {
          const { title, thumbnail, text } = await gallery.preview(gallery.indices[at]!)
          const was = lists[0]!.findIndex((one) => one.at === at) + 1
          return {
            index: gallery.indices[at]!,
            title,
            ...(thumbnail !== undefined && { thumbnail }),
            ...(text !== undefined && { text }),
            likeness,
            ...(model > 0 && { was }),
            ...(named && { label: named[at]!.name }),
            ...(named && own !== undefined && { same: named[at]!.number === own }),
          }
        }),
      ),
    })),
  )
}

/** The most alike first; of equal ones the first. The sample itself is no answer. */
function ranked(vector: Float32Array, all: Float32Array, { indices, index }: Gallery): Ranked[] {
  return indices
    .map((_, at): Ranked => {
      const other = unit(all, at * vector.length, vector.length)
      return { at, likeness: other.reduce((sum, v, k) => sum + v * vector[k]!, 0) }
    })
    .filter(({ at }) => indices[at] !== index)
    .sort((a, b) => b.likeness - a.likeness || a.at - b.at)
}

function namesIn(
  { labels }: Gallery,
  classes: readonly string[] | undefined,
): { number: number; name: string }[] | undefined {
  if (!labels) return undefined
  return Array.from(labelNumbers(labels, 'retrieval'), (number) => ({
    number,
    name: classes?.[number] ?? String(number),
  }))
}
