/**
 * This search against one before it, at equal minutes, in turn, on models that no constant of either was fitted on, both
 * winners judged by this build. `PARE_BEFORE` names `scripts/pare.mjs` of the other build. `search-before:magika,vgg` chooses models.
 */
import fs from 'node:fs'
import { MAX_DROP, searched, THIS, unseen, USUAL } from './support/searching'
import type { Entry, Figure } from './support/figure'

const MINUTES = 4
/** How many times larger what the search before found is, on the mean: 15% smaller. */
const WANTED = 1.15

export const entry: Entry = {
  about: `the download found in ${MINUTES} minutes, at most ${MAX_DROP} point lost, beside that of the search before`,
  async *run(chosen) {
    const before = process.env['PARE_BEFORE']
    if (!before || !fs.existsSync(before)) {
      console.log('  PARE_BEFORE names no build to compare with: set it to scripts/pare.mjs of one.')
      return
    }
    const ratios: number[] = []
    for (const name of chosen.length > 0 ? chosen : USUAL) {
      const asked = { ...unseen(name), minutes: MINUTES }
      const then = await searched(before, asked)
      const now = await searched(THIS, asked)
      yield* [['before', then] as const, ['now', now] as const].flatMap(
        ([what, { trials, winner }]): Figure[] => [
          { what: `${name}: recipes tried ${what}`, value: trials.length, unit: '', digits: 0 },
          ...(winner
            ? [{ what: `${name}: points lost ${what}, all samples`, value: winner.lost, unit: 'pt' }]
            : []),
        ],
      )
      if (!now.winner) throw new Error(`${name}: the search has no winner`)
      if (!then.winner) continue
      const ratio = then.winner.downloadBytes / now.winner.downloadBytes
      ratios.push(ratio)
      yield { what: `${name}: download before ÷ now`, value: ratio, unit: '×', wanted: { atLeast: 1 } }
    }
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
    yield { what: 'on the mean', value: mean, unit: '×', wanted: { atLeast: WANTED } }
  },
}
