/** However many classes a model has, what is shown of their names is bounded. */
import { describe, expect, it } from 'vitest'
import { CLASSES_DRAWN, largestConfusions } from '../../../src/contract/confusions'
import type { Project } from '../../../src/contract/project'
import { htmlReport } from '../../../src/engine/evaluate/html'
import { finishedRun, loadedData, project, report } from '../fake/fixtures'
import { openWindow, press, settle } from './render'

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `species ${at}!`)

/** All right but for `wrong` samples of each class, taken for the next one. */
const matrix = (count: number, wrong: (truth: number) => number): number[][] =>
  Array.from({ length: count }, (_, truth) => {
    const row = new Array<number>(count).fill(0)
    row[truth] = 10 - wrong(truth)
    row[(truth + 1) % count]! += wrong(truth)
    return row
  })

const CLASSES = 200
const before = { classes: names(CLASSES), confusion: matrix(CLASSES, (truth) => truth % 3) }
const after = {
  classes: names(CLASSES),
  confusion: matrix(CLASSES, (truth) => (truth === 70 ? 9 : truth % 4)),
}

function withClasses(count: number): Project {
  const run = finishedRun()
  const data = loadedData()
  const summary = { ...data.summary, classes: names(count), classCounts: names(count).map(() => 1) }
  const spec = { ...data.spec, classes: names(count) }
  const trials = [
    { preprocessing: summary.preprocessing, score: 0.9, better: false, explanation: 'inverted' },
  ]
  const candidates = run.candidates.map((one) => ({ ...one, report: { ...one.report, ...after } }))
  return project({
    goal: run.goal,
    runs: [{ ...run, original: { ...run.original!, ...before }, candidates }],
    data: {
      state: 'ready',
      file: { id: 'data', name: 'flora', bytes: 9, kind: 'dataset' },
      value: { ...data, summary, spec, trials },
    },
  })
}

/** Names in sight: those folded into a select are not, until it is opened. */
function named(): number {
  const page = document.body.cloneNode(true) as HTMLElement
  for (const folded of page.querySelectorAll('select')) folded.remove()
  return page.textContent!.match(/species \d+!/g)?.length ?? 0
}

const at = (step: string, more = ''): string => `project=digits&step=${step}${more}`

describe('a thousand classes', () => {
  it.each(['model', 'data', 'goal', 'compress', 'compare', 'compare&compare=samples', 'export'])(
    'are named one by one nowhere in %s',
    async (step) => {
      await openWindow({ project: withClasses(1000) }, at(step))
      await settle()
      expect(named()).toBeLessThan(30)
    },
  )

  it('are told by their number in the data step', async () => {
    const { text } = await openWindow({ project: withClasses(1000) }, at('data'))
    expect(text()).toContain('1,000, in the order of the outputs')
  })
})

describe('more classes than can be drawn', () => {
  it('have their largest confusions in place of a matrix, and a table that scrolls in itself', async () => {
    const { all, find } = await openWindow({ project: withClasses(CLASSES) }, at('compare'))
    await press('Classes')
    expect(all('[aria-label^="Confusion matrix"]')).toHaveLength(0)
    expect(find('.scroll[aria-label="By class"]').style.maxHeight).toBe('24rem')
    const rows = all('[aria-label="Largest confusions"] tbody tr')
    expect(rows).toHaveLength(20)
    expect(rows[0]!.textContent!.replace(/\s+/g, ' ')).toMatch(/species 70!.*species 71!.*1.*9/)
  })

  it('have the same in the report, which names no more than those and the ones that changed most', () => {
    const candidate = { name: 'Small', report: report(after) }
    const html = htmlReport({ title: 'x', original: report(before), candidates: [candidate] })
    expect(html).not.toContain('class="confusion')
    expect(html).toMatch(/Largest confusions.*species 70!.*species 71!/s)
    expect(html.match(/species \d+!/g)!.length).toBeLessThanOrEqual(20 * 2 + 20)
  })
})

it('the largest confusions are those of any model, in the order of the classes where they are equal', () => {
  const [one, other] = [
    [
      [5, 2, 0],
      [0, 7, 0],
      [1, 0, 6],
    ],
    [
      [7, 0, 0],
      [4, 3, 0],
      [0, 1, 6],
    ],
  ]
  expect(largestConfusions([one!, other!])).toEqual([
    { truth: 1, answer: 0, counts: [0, 4] },
    { truth: 0, answer: 1, counts: [2, 0] },
    { truth: 2, answer: 0, counts: [1, 0] },
    { truth: 2, answer: 1, counts: [0, 1] },
  ])
  expect(largestConfusions([one!], 1)).toHaveLength(1)
  expect(largestConfusions([])).toEqual([])
  expect(CLASSES_DRAWN).toBeLessThan(CLASSES)
})
