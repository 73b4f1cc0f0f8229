/**
 * Which recipes a search should begin with: each candidate tried on many models, chosen by what it won a second, and
 * judged on models left out of the choice. `portfolio:store` writes what was chosen where searches read it, and what was
 * measured into `portfolio.json`; other words choose the models that are measured (`portfolio:none` measures none), and
 * what is stored of the others is fitted with them. What was tried is also kept outside the checkout and not tried again
 * by the same Pare.
 *
 * Judged on training samples (calibration samples where those are all there is), of which half are kept from passes:
 * documents publish figures on validation samples. Models that other benches compare searches on take no part.
 */
import fs from 'node:fs'
import path from 'node:path'
import type { RecipeStep } from '../src/contract/recipe'
import type { Trial } from '../src/contract/trial'
import type { Dataset } from '../src/engine/data/dataset'
import { openReference } from '../src/engine/jobs/data'
import { PORTFOLIO, type Portfolio } from '../src/engine/passes/portfolio'
import { openSearch } from '../src/engine/run/open-search'
import { tryJob } from '../src/engine/search/explore'
import { partOfSplit, withSplits } from '../src/engine/search/parts'
import { canDo, keyOf, normalized, recipeOf } from '../src/engine/search/recipes'
import { writeText } from '../src/disk/write'
import { folderOf, makeByPython } from '../suite/support/by-python'
import { makeData } from '../suite/support/made-data'
import { TRANSFORMERS } from '../suite/support/transformers'
import type { Entry, Figure } from './support/figure'
import { fit, leaveOneOut, reached, secondsOf, type Outcome, type Outcomes } from './support/fit-portfolio'
import { storedOutcomes, storeOutcomes } from './support/portfolio-outcomes'
import { manifest, referenceFiles } from './support/reference'

const FILE = path.resolve('src/engine/passes/portfolio.json')
const OUTCOMES = path.resolve('bench/portfolio.json')
const KEPT = path.join(path.dirname(folderOf(TRANSFORMERS)), 'portfolio')
/** Samples that candidates are judged on at most. */
const JUDGED = 1000
/** For a model without data, which random inputs then stand for. */
const MADE = 96
/** Far over the largest floor that is fitted for; what loses more is not measured whole. */
const MAX_DROP = 2
/** Of one candidate, which learning is cut to. */
const MINUTES = 4
/** Recipes that take no longer on the mean are the quick ones. */
const QUICK_SECONDS = 5

const REFERENCE = ['cnn1d', 'lenet300', 'lenet5', 'mlp', 'bert']
const ZOO = ['silero_v5', 'ocr_rec', 'magika', 'mnist_cntk', 'blazeface', 'ultraface320']
const MADE_BY_PYTHON = ['minilm_script', 'vit_script', 'decoder_script']

const step = (pass: string, params: RecipeStep['params'] = {}): RecipeStep => ({ pass, params })
const PACK = step('pack-weights')
const rounded = (bits: number): RecipeStep => step('quantize-weights', { bits, method: 'rtn', maxLoss: 100 })
const shared = (size: number): RecipeStep[] => [step('mixed-precision', { storage: 'shared', size }), PACK]
const narrow = (goal: number): RecipeStep => step('prune-channels', { target: 'macs', goal })
const zeros = step('prune-weights', { method: 'sparsegpt' })

const CANDIDATES: readonly (readonly RecipeStep[])[] = [
  ...[8, 4, 3].map((bits) => [rounded(bits)]),
  ...[4, 3, 2].map((bits) => [step('quantize-weights', { bits })]),
  ...[4, 3].map((bits) => [step('quantize-weights', { bits }), PACK]),
  [step('quantize-weights', { bits: 4, method: 'rtn' })],
  [step('quantize-dynamic')],
  [step('quantize-static')],
  [step('quantize-static'), PACK],
  [step('float16')],
  [step('low-rank')],
  [step('low-rank'), step('quantize-weights', { bits: 4 })],
  ...[0.07, 0.085, 0.1, 0.125, 0.16].map(shared),
  [step('mixed-precision', { size: 0.125 }), PACK],
  ...[4, 3].map((bits) => [step('share-weights', { bits }), PACK]),
  ...[4, 3].map((bits) => [zeros, step('share-weights', { bits }), PACK]),
  [zeros, step('quantize-static'), PACK],
  [step('prune-channels'), ...shared(0.1)],
  ...[0.7, 0.5].flatMap((goal) => [
    [narrow(goal), ...shared(0.1)],
    [narrow(goal), step('quantize-static'), PACK],
    [narrow(goal), step('share-weights', { bits: 4 }), PACK],
  ]),
]

const distilled = (goal: number, ...rest: RecipeStep[]): RecipeStep[] => [
  narrow(goal),
  step('distill'),
  ...rest,
  PACK,
]
const codebook = (bits: number): RecipeStep => step('trained-codebook', { bits })

const LEARNING: readonly (readonly RecipeStep[])[] = [
  ...[3, 2].map((bits) => [codebook(bits), PACK]),
  [step('prune-channels'), step('distill'), codebook(3), PACK],
  ...[0.7, 0.5].flatMap((goal) => [
    distilled(goal, step('quantize-static')),
    distilled(goal, ...shared(0.1).slice(0, 1)),
    distilled(goal, codebook(3)),
  ]),
  [step('prune-gradually'), codebook(4), PACK],
]

const keyOfSteps = (steps: readonly RecipeStep[]): string => keyOf(recipeOf(normalized(steps)))

/** The dataset with half of what passes may learn from as its validation samples. */
const judgedApart = (dataset: Dataset): Dataset =>
  withSplits(dataset, (splits) => {
    const isShared = splits.training.origin === 'shared'
    const source = isShared ? splits.calibration : splits.training
    const half = source.length >> 1
    const rest = partOfSplit(
      source,
      Array.from({ length: half }, (_, i) => i),
    )
    const apart = Array.from({ length: Math.min(JUDGED, source.length - half) }, (_, i) => half + i)
    return {
      validation: partOfSplit(source, apart),
      calibration: isShared ? rest : splits.calibration,
      training: rest,
    }
  })

interface Named {
  name: string
  model: string
  data: string | undefined
}

function models(): Named[] {
  const of = (root: string, names: readonly string[]): Named[] =>
    names
      .map((name) => ({
        name,
        model: path.join(root, 'models', `${name}.onnx`),
        data: path.join(root, 'data', `${name}.npz`),
      }))
      .map((one) => ({ ...one, data: fs.existsSync(one.data) ? one.data : undefined }))
  makeByPython(TRANSFORMERS)
  return [
    ...(manifest()?.models ?? []).filter(({ name }) => REFERENCE.includes(name)).map(referenceFiles),
    ...of(path.resolve('../shared/zoo'), ZOO),
    ...of(folderOf(TRANSFORMERS), MADE_BY_PYTHON),
  ].filter(({ model }) => fs.existsSync(model))
}

/** What came of each candidate on one model. */
async function tried({ name, model, data }: Named): Promise<Map<string, Outcome>> {
  const folder = path.join(KEPT, name)
  fs.mkdirSync(folder, { recursive: true })
  const made = path.join(folder, 'made.npz')
  if (data === undefined && !fs.existsSync(made)) await makeData(model, made, MADE)
  const given = await openReference(model, { path: data ?? made })
  const found = new Map<string, Outcome>()
  try {
    const dataset = judgedApart(given)
    for (const steps of [...CANDIDATES, ...LEARNING]) {
      // Anew for each, as the time for learning is counted from its beginning.
      const options = await openSearch({
        original: model,
        data: dataset,
        goal: { kind: 'search', maxDrop: MAX_DROP, target: 'any', minutes: MINUTES },
        folder,
        cache: path.join(folder, 'cache'),
        began: Date.now(),
        worker: 'bench',
        resume: true,
        seed: 0,
        session: {},
        signal: new AbortController().signal,
        progress: () => undefined,
        found: () => undefined,
      })
      if (!steps.every((one) => canDo(one, options.space))) continue
      const recipe = recipeOf(normalized(steps))
      const key = keyOf(recipe)
      const known = (): Trial | undefined => options.store.all().find((trial) => trial.key === key)
      if (!known()) await tryJob({ key, round: 1, recipe, why: '' }, options)
      const trial = known()
      if (trial?.state !== 'kept' || trial.pointsLost === undefined) continue
      const share = trial.downloadBytes / options.originalDownloadBytes
      found.set(key, { share, pointsLost: trial.pointsLost, seconds: trial.seconds })
    }
  } finally {
    await given.close()
  }
  return found
}

/** Shares of what the parts of a pair gave: one changed value, stored smaller, and learning. */
function pairs(outcomes: Outcomes): Figure[] {
  const all = [...CANDIDATES, ...LEARNING]
  const ratios = (
    what: string,
    isPair: (before: readonly RecipeStep[], after: readonly RecipeStep[]) => boolean,
    ratio: (before: Outcome, after: Outcome) => number | undefined,
  ): Figure[] => {
    const found = [...outcomes.values()]
      .flatMap((of) =>
        all.flatMap((before) =>
          all
            .filter((after) => isPair(before, after))
            .map((after) => {
              const [a, b] = [of.get(keyOfSteps(before)), of.get(keyOfSteps(after))]
              return a && b && ratio(a, b)
            }),
        ),
      )
      .filter((value) => value !== undefined)
      .sort((a, b) => a - b)
    if (found.length === 0) return []
    return [{ what: `${what}, median of ${found.length}`, value: found[found.length >> 1]!, unit: '×' }]
  }
  const text = (steps: readonly RecipeStep[]): string => JSON.stringify(steps)
  const smaller = (a: Outcome, b: Outcome): number => b.share / a.share
  return [
    ...ratios(
      'download of a step stronger',
      (before, after) =>
        before.length === after.length &&
        text(before) !== text(after) &&
        before.every(({ pass }, at) => pass === after[at]!.pass) &&
        before.filter((one, at) => text([one]) !== text([after[at]!])).length === 1,
      (a, b) => (b.share < a.share ? smaller(a, b) : undefined),
    ),
    ...ratios(
      'download of what is stored smaller',
      (before, after) => text([...before, PACK]) === text(after),
      smaller,
    ),
    ...ratios(
      'loss left after learning',
      (before, after) =>
        text(before) === text(after.filter(({ pass }) => pass !== 'distill')) && before.length < after.length,
      (a, b) => (a.pointsLost > 0.5 ? Math.max(0, b.pointsLost) / a.pointsLost : undefined),
    ),
  ]
}

export const entry: Entry = {
  about: 'recipes to begin a search with, fitted to models and judged on those left out',
  async *run(chosen) {
    const wanted = chosen.filter((word) => word !== 'store')
    const isStored = chosen.includes('store')
    const stepsOf = new Map([...CANDIDATES, ...LEARNING].map((steps) => [keyOfSteps(steps), steps]))
    const outcomes = storedOutcomes(OUTCOMES, new Set(stepsOf.keys()))
    const today = new Date().toISOString().slice(0, 10)
    const naming = { nameOf: (key: string) => recipeOf(stepsOf.get(key)!).name, measured: today }
    for (const one of models().filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
      const found = await tried(one)
      outcomes.set(one.name, found)
      if (isStored) storeOutcomes(OUTCOMES, new Map([[one.name, found]]), naming)
      yield { what: `${one.name}: candidates that gave a model`, value: found.size, unit: '', digits: 0 }
    }
    const [cheap, learning] = [CANDIDATES, LEARNING].map((all) => all.map(keyOfSteps)) as [string[], string[]]
    const first = fit(outcomes, cheap)
    const later = fit(outcomes, learning, first)
    const present = [...PORTFOLIO.quick, ...PORTFOLIO.first].map(keyOfSteps)
    const left = leaveOneOut(outcomes, cheap)
    for (const [name, of] of outcomes) {
      yield {
        what: `${name}: times smaller by the present portfolio`,
        value: Math.exp(reached(of, present)),
        unit: '×',
      }
      yield { what: `${name}: by one fitted without it`, value: Math.exp(left.get(name)!), unit: '×' }
      yield {
        what: `${name}: by the best of all that do not learn`,
        value: Math.exp(reached(of, cheap)),
        unit: '×',
      }
      yield {
        what: `${name}: by the best of all`,
        value: Math.exp(reached(of, [...cheap, ...learning])),
        unit: '×',
      }
    }
    yield* pairs(outcomes)
    const listed = (keys: readonly string[]): (readonly RecipeStep[])[] =>
      keys.map((key) => stepsOf.get(key)!)
    const isQuick = (key: string): boolean => secondsOf(outcomes, key) <= QUICK_SECONDS
    const portfolio: Portfolio = {
      fitted: {
        date: today,
        models: [...outcomes.keys()],
        samples:
          'half of the training samples, of the calibration samples where there are no others; random inputs where there is no data',
      },
      quick: listed(first.filter(isQuick)),
      first: listed(first.filter((key) => !isQuick(key))),
      learning: listed(later),
    }
    for (const kind of ['quick', 'first', 'learning'] as const)
      for (const steps of portfolio[kind]) console.log(`  ${kind}: ${recipeOf(steps).name}`)
    if (isStored) writeText(FILE, `${JSON.stringify(portfolio, null, 2)}\n`)
  },
}
