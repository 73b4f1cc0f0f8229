/**
 * A search against what anybody could try by hand: every preset and every single pass with its defaults, each run
 * through the ordinary way of compressing and judged on the same validation samples as the winner. None may be at
 * least as small and at least as good at once. Needs the reference models beside the checkout.
 * `npm run bench -- search:cnn1d,lenet300` chooses models.
 */
import path from 'node:path'
import { dominates } from '../src/contract/front'
import { pointsLost } from '../src/contract/points'
import type { Recipe } from '../src/contract/recipe'
import type { Report } from '../src/contract/report'
import type { Dataset } from '../src/engine/data/dataset'
import { describePasses } from '../src/engine/passes'
import { PRESETS } from '../src/engine/passes/presets'
import { compress, type CompressWork } from '../src/engine/run/compress'
import { availableNeeds, openSearch } from '../src/engine/run/open-search'
import { conclude, explore } from '../src/engine/search/explore'
import type { Entry, Figure } from './support/figure'
import { manifest, withReference, type Opened } from './support/reference'
import { findTarget } from '../src/engine/targets'

const MINUTES = 4
const MAX_DROP = 0.5
const USUAL = ['cnn1d', 'lenet300']

interface Made {
  name: string
  report: Report
  lost: number
}

const costsOf = ({ report, lost }: Made): number[] => [report.downloadBytes, lost]

/** Presets, and every pass that changes something alone. A pass whose needs the data does not meet is left out. */
function byHand(data: Dataset): Recipe[] {
  const available = availableNeeds(data)
  const singles = describePasses()
    .filter(({ family, needs }) => family !== 'clean-up' && needs.every((need) => available.has(need)))
    .map(({ id, title }): Recipe => ({
      pare: 1,
      name: title,
      description: '',
      steps: [
        { pass: 'simplify', params: {} },
        { pass: id, params: {} },
      ],
    }))
  return [...PRESETS, ...singles]
}

async function compared(model: string, { file, data, context }: Opened): Promise<Figure[]> {
  const shared = {
    original: file,
    data,
    resume: false,
    seed: 0,
    session: {},
    target: findTarget('any'),
    signal: context.signal,
    step: () => undefined,
    candidate: () => undefined,
    progress: () => undefined,
  } as const satisfies Partial<CompressWork>
  const made = async (recipe: Recipe, place: string): Promise<Made | undefined> => {
    const done = await compress({
      ...shared,
      folder: path.join(context.scratch, place),
      recipes: [recipe],
    }).catch((error: unknown) =>
      console.log(`  ${recipe.name}: ${error instanceof Error ? error.message : 'failed'}`),
    )
    const report = done?.candidates[0]?.report
    return report && { name: recipe.name, report, lost: pointsLost(done.original.quality, report.quality) }
  }
  const options = await openSearch({
    ...shared,
    folder: path.join(context.scratch, 'search'),
    goal: { kind: 'search', maxDrop: MAX_DROP, target: 'any', minutes: MINUTES },
    found: () => undefined,
  })
  const { winner } = await conclude(options, await explore(options))
  const best = winner && (await made(winner.recipe, 'winner'))
  if (!best) throw new Error(`${model}: the search has no winner`)
  const tried: Made[] = []
  for (const [at, recipe] of byHand(data).entries()) {
    const one = await made(recipe, `by-hand-${at}`)
    if (one) tried.push(one)
  }
  const inside = tried.filter(({ lost }) => lost <= MAX_DROP)
  const smallest = Math.min(...inside.map(({ report }) => report.downloadBytes))
  const better = tried.filter((one) => dominates(costsOf(one), costsOf(best)))
  for (const { name, report, lost } of better)
    console.log(`  better by hand: ${name}, ${report.downloadBytes} bytes, ${lost.toFixed(2)} points lost`)
  return [
    { what: `${model}: presets and single passes tried`, value: tried.length, unit: '', digits: 0 },
    { what: `${model}: the winner loses`, value: best.lost, unit: 'pt' },
    {
      what: `${model}: smallest by hand within ${MAX_DROP} points ÷ the winner`,
      value: smallest / best.report.downloadBytes,
      unit: '×',
    },
    {
      what: `${model}: by hand at least as small and as good`,
      value: better.length,
      unit: '',
      digits: 0,
      wanted: { atMost: 0 },
    },
  ]
}

export const entry: Entry = {
  about: `a search of ${MINUTES} minutes against all presets and single passes, run apart and judged alike`,
  async *run(chosen) {
    for (const one of manifest()?.models ?? [])
      if ((chosen.length > 0 ? chosen : USUAL).includes(one.name))
        yield* await withReference(one, (opened) => compared(one.name, opened))
  },
}
