import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SearchGoal } from '../../../src/contract/goal'
import type { PassDescription, PassFamily, PassRole } from '../../../src/contract/passes'
import type { Recipe, RecipeStep } from '../../../src/contract/recipe'
import type { Quality, SampleResults } from '../../../src/contract/report'
import type { Trial } from '../../../src/contract/trial'
import type { ModelQuality } from '../../../src/engine/evaluate/quality'
import { describePasses } from '../../../src/engine/passes'
import { PRESETS } from '../../../src/engine/passes/presets'
import { misplaced } from '../../../src/engine/run/steps'
import { isInside, violatedLimits } from '../../../src/engine/search/limits'
import { lossOf } from '../../../src/engine/evaluate/paired'
import { exploringSeconds } from '../../../src/engine/search/explore'
import { keyOf, type SearchSpace } from '../../../src/engine/search/recipes'
import { jobsOf, LAST_ROUND } from '../../../src/engine/search/space'

const goal = (over: Partial<SearchGoal> = {}): SearchGoal => ({
  kind: 'search',
  maxDrop: 1,
  target: 'any',
  minutes: 5,
  ...over,
})

const ROLES: Record<PassFamily, PassRole> = {
  'clean-up': 'normalizes',
  pruning: 'removes',
  factorization: 'removes',
  training: 'trains',
  sharing: 'encodes',
  quantization: 'encodes',
  precision: 'encodes',
}

const pass = (id: string, family: PassFamily, over: Partial<PassDescription> = {}): PassDescription => ({
  id,
  title: id,
  family,
  role: ROLES[family],
  after: [],
  summary: '',
  sources: [],
  needs: [],
  parameters: [
    { name: 'strength', kind: 'number', label: 'Strength', help: '', default: 1, search: [1, 2, 3] },
  ],
  ...over,
})

const space: SearchSpace = {
  passes: [
    pass('simplify', 'clean-up'),
    pass('quantize', 'quantization'),
    pass('prune', 'pruning'),
    pass('learn', 'training', { needs: ['training'] }),
  ],
  presets: [
    {
      pare: 1,
      id: 'safe',
      name: 'Safe',
      description: '',
      cost: '',
      steps: [{ pass: 'quantize', params: {} }],
    },
  ],
  available: new Set(['calibration']),
}

const trialOf = (
  key: string,
  recipe: Trial['recipe'],
  round: number,
  downloadBytes: number,
  pointsLost: number,
): Trial => ({
  key,
  recipe,
  round,
  state: 'kept',
  stage: 'search',
  reason: '',
  seconds: 1,
  bytes: downloadBytes * 2,
  downloadBytes,
  pointsLost,
  steps: [],
})

describe('the work list', () => {
  const first = jobsOf(1, space, [], goal())

  test('begins with the presets and every pass that alone makes a model small', () => {
    expect(first.map((job) => job.recipe.name)).toEqual(['Safe', 'quantize'])
  })

  test('begins with what often does well, where the passes for it are there', () => {
    const all = { ...space, passes: describePasses(), presets: [] }
    const names = jobsOf(1, all, [], goal()).map(({ recipe }) =>
      recipe.steps.map(({ pass: id }) => id).join(),
    )
    expect(names.slice(0, 5)).toEqual([
      'simplify,quantize-weights',
      'simplify,quantize-weights',
      'simplify,quantize-dynamic',
      'simplify,quantize-weights',
      'simplify,mixed-precision,pack-weights',
    ])
    expect(names.filter((name) => name.includes('distill'))).toEqual([])
    expect(new Set(names).size).toBeGreaterThan(8)
  })

  test('keeps to the order that passes declare, in every round', () => {
    const available = new Set(['calibration', 'training', 'labels'] as const)
    const whole = { passes: describePasses(), presets: PRESETS, available }
    const trials: Trial[] = []
    for (let round = 1; round <= LAST_ROUND; round++)
      for (const { key, recipe } of jobsOf(round, whole, [...trials], goal())) {
        const late = recipe.steps.map((_, at) => misplaced(recipe.steps, at)?.data).filter(Boolean)
        expect(late, recipe.name).toEqual([])
        const drawn = parseInt(key.slice(0, 8), 16)
        trials.push(trialOf(key, recipe, round, 1000 + (drawn % 9000), ((drawn >> 8) % 100) / 20))
      }
    expect(trials.length).toBeGreaterThan(100)
  })

  test('what takes seconds comes first, then arithmetic planned for a limit on latency', () => {
    const all = { ...space, passes: describePasses(), presets: [] }
    const jobs = jobsOf(1, all, [], goal({ maxLatency: 0.4 }))
    // Rounding as it is measures nothing in the pass: the search does.
    expect(jobs.slice(0, 4).map(({ recipe }) => recipe.steps[1])).toEqual([
      { pass: 'quantize-weights', params: { bits: 4, method: 'rtn', maxLoss: 100 } },
      { pass: 'quantize-weights', params: { bits: 8, method: 'rtn', maxLoss: 100 } },
      { pass: 'quantize-dynamic', params: {} },
      { pass: 'mixed-precision', params: { budget: 'latency', latency: 0.4 } },
    ])
  })

  /** Every single pass with each value, as trials of the first round. */
  const singles = ['quantize', 'prune'].flatMap((id) =>
    [{}, { strength: 2 }, { strength: 3 }].map((params) => ({
      pare: 1 as const,
      name: `${id} ${JSON.stringify(params)}`,
      description: '',
      steps: [
        { pass: 'simplify', params: {} },
        { pass: id, params },
      ],
    })),
  )

  const [recipes, trialsOf] = [
    (jobs: readonly { recipe: Trial['recipe'] }[]) =>
      jobs.map((job) => job.recipe.steps.map((step) => step.pass)),
    (lost: (at: number) => number): Trial[] =>
      singles.map((recipe, at) => trialOf(keyOf(recipe), recipe, 1, 100 - at, lost(at))),
  ]

  test('later rounds combine what did well, in the order passes follow each other, and never repeat', () => {
    const trials = trialsOf((at) => at / 10)
    const second = jobsOf(2, space, trials, goal())
    expect(recipes(second)).toContainEqual(['simplify', 'prune', 'quantize'])
    expect(recipes(second)).not.toContainEqual(['simplify', 'quantize', 'prune'])
    for (const { recipe, key } of second) {
      expect(trials.some((trial) => trial.key === key)).toBe(false)
      expect(key).toBe(keyOf(recipe))
    }
  })

  test('a good recipe is tried one step milder and stronger', () => {
    const middle = {
      pare: 1,
      name: 'm',
      description: '',
      steps: [{ pass: 'quantize', params: { strength: 2 } }],
    } as const
    const trial = trialOf('m', { ...middle, steps: [...middle.steps] }, 1, 10, 0.2)
    const names = jobsOf(2, space, [trial], goal()).map((job) => job.recipe.name)
    expect(names).toEqual(expect.arrayContaining(['quantize', 'quantize (strength 3)']))
  })

  test('learning comes after the cheap rounds, where a result is over the floor but smaller than the best inside it', () => {
    const willing = { ...space, available: new Set(['calibration', 'training'] as const) }
    const trials = trialsOf((at) => (at < 5 ? 0 : 2))
    const names = (round: number, spaceOf: SearchSpace): string[] =>
      jobsOf(round, spaceOf, trials, goal()).map((job) => job.recipe.name)
    expect(names(3, willing)).toContain('prune (strength 3) → learn')
    expect(names(2, willing).filter((name) => name.includes('learn'))).toEqual([])
    expect(names(LAST_ROUND, space).filter((name) => name.includes('learn'))).toEqual([])
  })

  test('learning begins with little, and only what is small and over the floor learns longer', () => {
    const effort = {
      name: 'effort',
      kind: 'number',
      label: 'E',
      help: '',
      default: 1,
      fidelity: [0.3, 1, 3],
    } as const
    const learn = pass('learn', 'training', {
      needs: ['training'],
      parameters: [{ ...effort, fidelity: [0.3, 1, 3] }],
    })
    const learner: SearchSpace = {
      ...space,
      passes: [...space.passes.slice(0, 3), learn],
      presets: [],
      available: new Set(['training']),
    }
    const efforts = (round: number, trials: readonly Trial[]): unknown[] =>
      jobsOf(round, learner, trials, goal()).flatMap(({ recipe }) =>
        recipe.steps.filter((step) => step.pass === 'learn').map(({ params }) => params['effort']),
      )
    const over = trialsOf((at) => (at === 0 ? 0 : 2))
    const begun = new Set(efforts(3, over))
    expect(begun).toEqual(new Set([0.3]))
    const tried = (lost: number, params: RecipeStep['params']): Trial => {
      const steps = [...singles.at(-1)!.steps, { pass: 'learn', params }]
      return trialOf(`learned ${lost}`, { ...singles[0]!, steps }, 3, 1, lost)
    }
    expect(efforts(4, [...over, tried(1.5, { effort: 0.3 })])).toContain(undefined)
    expect(efforts(4, [...over, tried(1.5, {})])).toContain(3)
    expect(efforts(4, [...over, tried(0.5, { effort: 0.3 })]).filter((value) => value !== 0.3)).toEqual([])
  })

  test('nothing learns to become larger than what is inside the floor already', () => {
    const willing = { ...space, available: new Set(['calibration', 'training'] as const) }
    const [small, large] = [singles[0]!, singles.at(-1)!]
    const learned = (best: number): boolean => {
      const trials = [trialOf('inside', small, 1, best, 0), trialOf('over', large, 1, 100, 1.5)]
      return jobsOf(3, willing, trials, goal()).some(({ recipe }) =>
        recipe.steps.some(({ pass }) => pass === 'learn'),
      )
    }
    expect(learned(150)).toBe(true)
    expect(learned(99)).toBe(false)
  })

  test('a recipe codes its weights once', () => {
    const coders = { ...space, passes: [...space.passes, pass('share', 'sharing')] }
    const recipe = { ...singles[0]!, steps: [singles[0]!.steps[0]!, { pass: 'share', params: {} }] }
    const trials = [...trialsOf(() => 0), trialOf(keyOf(recipe), recipe, 1, 5, 0)]
    const found = recipes(jobsOf(2, coders, trials, goal()))
    expect(found.filter((ids) => ids.includes('quantize') && ids.includes('share'))).toEqual([])
    expect(found.some((ids) => ids.includes('prune') && ids.includes('share'))).toBe(true)
  })

  test('a parameter that another makes idle is not varied', () => {
    const idle: PassDescription = pass('quantize', 'quantization', {
      parameters: [
        { name: 'budget', kind: 'choice', label: 'B', help: '', default: 'size', search: ['size', 'time'] },
        {
          name: 'time',
          kind: 'number',
          label: 'T',
          help: '',
          default: 1,
          search: [1, 2],
          only: { name: 'budget', is: 'time' },
        },
      ],
    })
    const only = { ...space, passes: [pass('simplify', 'clean-up', { parameters: [] }), idle] }
    const base = { ...singles[0]!, steps: [singles[0]!.steps[0]!, { pass: 'quantize', params: {} }] }
    const jobs = jobsOf(2, only, [trialOf(keyOf(base), base, 1, 5, 0)], goal())
    expect(jobs.map(({ recipe }) => recipe.steps.at(-1)!.params)).toEqual([{ budget: 'time' }])
    const timed = trialOf(jobs[0]!.key, jobs[0]!.recipe, 2, 5, 0)
    const next = jobsOf(3, only, [trialOf(keyOf(base), base, 1, 5, 0), timed], goal())
    expect(next.map(({ recipe }) => recipe.steps.at(-1)!.params)).toContainEqual({ budget: 'time', time: 2 })
  })

  test('what is left by channels removed for multiplications is varied where they are what counts', () => {
    const channels = describePasses().find(({ id }) => id === 'prune-channels')!
    const varied = (params: RecipeStep['params'], name: string): unknown[] => {
      const recipe: Recipe = { ...singles[0]!, steps: [singles[0]!.steps[0]!, { pass: channels.id, params }] }
      const only = { ...space, passes: [pass('simplify', 'clean-up', { parameters: [] }), channels] }
      const jobs = jobsOf(2, only, [trialOf(keyOf(recipe), recipe, 1, 5, 0.1)], goal())
      return jobs
        .map(({ recipe }) => recipe.steps.at(-1)!.params[name])
        .filter((value) => value !== params[name])
    }
    expect(varied({ target: 'macs' }, 'goal')).toEqual(expect.arrayContaining([0.35, 0.7]))
    expect(varied({ target: 'macs' }, 'ratio')).toEqual([])
    expect(varied({}, 'goal')).toEqual([])
  })

  test('does not depend on the order in which trials came in', () => {
    const results = fc.array(fc.record({ bytes: fc.nat(50), lost: fc.nat(40) }), {
      minLength: singles.length,
      maxLength: singles.length,
    })
    fc.assert(
      fc.property(results, fc.integer(), (values, seed) => {
        const trials = singles.map((recipe, at) =>
          trialOf(keyOf(recipe), recipe, 1, values[at]!.bytes + 1, values[at]!.lost / 10),
        )
        const shuffled = [...trials].sort(
          (a, b) => ((a.key.charCodeAt(0) * seed) % 7) - ((b.key.charCodeAt(0) * seed) % 7),
        )
        expect(jobsOf(2, space, shuffled, goal())).toEqual(jobsOf(2, space, trials, goal()))
      }),
    )
  })
})

describe('limits', () => {
  const trial = trialOf('k', space.presets[0]!, 1, 500, 0.9)

  test.each([
    [goal(), true],
    [goal({ maxDrop: 0.9 }), true],
    [goal({ maxDrop: 0.5 }), false],
    [goal({ maxBytes: 1000 }), true],
    [goal({ maxBytes: 999 }), false],
  ])('%j', (asked, inside) => {
    expect(isInside(trial, asked)).toBe(inside)
    expect(violatedLimits(trial, asked)).toHaveLength(inside ? 0 : 1)
  })

  test('latency counts once it is measured', () => {
    const slow = { ...trial, latencyRatio: 0.8 }
    expect(isInside(slow, goal({ maxLatency: 0.5 }))).toBe(false)
    expect(isInside(slow, goal({ maxLatency: 0.8 }))).toBe(true)
  })

  test('on a target that is not here its estimate decides', () => {
    const estimated = {
      ...trial,
      latencyRatio: 0.4,
      targetLatency: { target: 'ios', ratio: 0.9, source: '' },
    }
    expect(isInside(estimated, goal({ maxLatency: 0.5, target: 'ios' }))).toBe(false)
    expect(violatedLimits(estimated, goal({ maxLatency: 0.5, target: 'ios' }))[0]).toContain('by estimate')
    expect(isInside(estimated, goal({ maxLatency: 0.9, target: 'ios' }))).toBe(true)
  })

  test('some of the time is kept for measuring what was found', () => {
    expect(exploringSeconds(goal({ minutes: 30 }))).toBe(27 * 60)
    expect(exploringSeconds(goal({ minutes: 1 }))).toBe(42)
  })
})

describe('points lost', () => {
  const measured = (answers: number[], labels: number[]): ModelQuality => {
    const right = answers.filter((answer, at) => answer === labels[at]).length
    const quality: Quality = {
      metric: 'accuracy',
      value: right / labels.length,
      samples: labels.length,
      interval: [0, 1],
      higherIsBetter: true,
      others: {},
      split: 'validation',
      task: 'classification',
    }
    const samples: SampleResults = {
      index: labels.map((_, at) => at),
      label: labels,
      answer: answers,
      score: answers,
    }
    return { quality, samples } as unknown as ModelQuality
  }

  test('the interval is that of the paired difference', () => {
    const labels = Array.from({ length: 100 }, () => 1)
    const original = measured(labels, labels)
    const candidate = measured(
      labels.map((label, at) => (at < 4 ? 0 : label)),
      labels,
    )
    const { points, low, high } = lossOf(original, candidate)
    expect(points).toBeCloseTo(4)
    // Four discordant pairs of 100, half a sample added to each of the four counts.
    const half = (1.959963984540054 * Math.sqrt(5 - 16 / 102)) / 102
    expect(low).toBeCloseTo(100 * (4 / 102 - half), 6)
    expect(high).toBeCloseTo(100 * (4 / 102 + half), 6)
  })

  test('equal answers lose nothing, and leave the doubt of what few samples cannot show', () => {
    const same = measured([1, 2, 3], [1, 2, 0])
    const { points, low, high } = lossOf(same, same)
    expect(points).toBe(0)
    expect(high).toBeCloseTo((100 * 1.959963984540054) / 5, 6)
    expect(low).toBe(-high)
  })
})
