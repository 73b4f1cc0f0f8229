/**
 * Recipes that a search tries in the same minutes with one process and with as many as there are cores, in turn, and
 * whether both found the same of what both tried. `search-workers:magika` chooses models.
 */
import os from 'node:os'
import { searched, THIS, unseen, type Searched } from './support/searching'
import type { Entry, Figure } from './support/figure'

const MINUTES = 3
const USUAL = ['ocr_cls', 'oww_embed']
/** Of the trials of one process, on two cores. */
const WANTED = 1.6
/** Megabytes that leave room for one process alone. */
const ROOM_FOR_ONE = 1000

const resultsOf = ({ trials }: Searched): Map<string, string> =>
  new Map(
    trials.map(({ key, state, stage, bytes, downloadBytes, pointsLost }) => [
      key,
      JSON.stringify({ state, stage, bytes, downloadBytes, pointsLost }),
    ]),
  )

async function compared(name: string): Promise<Figure[]> {
  const asked = { ...unseen(name), minutes: MINUTES }
  const one = resultsOf(await searched(THIS, { ...asked, options: ['--memory', String(ROOM_FOR_ONE)] }))
  const several = resultsOf(await searched(THIS, asked))
  const both = [...one].filter(([key]) => several.has(key))
  return [
    { what: `${name}: recipes tried by one process`, value: one.size, unit: '', digits: 0 },
    { what: `${name}: by ${os.availableParallelism()}`, value: several.size, unit: '', digits: 0 },
    {
      what: `${name}: several ÷ one`,
      value: several.size / one.size,
      unit: '×',
      wanted: { atLeast: WANTED },
    },
    { what: `${name}: recipes that both tried`, value: both.length, unit: '', digits: 0 },
    {
      what: `${name}: of them with another result`,
      value: both.filter(([key, result]) => several.get(key) !== result).length,
      unit: '',
      digits: 0,
      wanted: { atMost: 0 },
    },
  ]
}

export const entry: Entry = {
  about: `recipes tried in ${MINUTES} minutes by one process and by one a core`,
  async *run(chosen) {
    for (const name of chosen.length > 0 ? chosen : USUAL) yield* await compared(name)
  },
}
