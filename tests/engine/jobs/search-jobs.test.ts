import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { DOCUMENTS } from '../../../src/contract/documents'
import { SearchGoal } from '../../../src/contract/goal'
import { errorMessage } from '../../../src/contract/messages'
import type { SearchResult } from '../../../src/contract/trial'
import { nothingKept, searchJobs } from '../../../src/engine/jobs/search-jobs'
import { temporaryFolder } from '../run/support'
import type { JobEvents } from '../../../src/engine/jobs/protocol'
import { best, given, listening, settings } from './support'

const { search, searchList, searchStep, searchMerge, sensitivity } = searchJobs

function request(minutes: number) {
  const place = given(best)
  return {
    ...place,
    folder: path.join(place.folder, 'search'),
    into: path.join(place.folder, 'out'),
    goal: SearchGoal.parse({ kind: 'search', maxDrop: 5, minutes }),
    seed: 0,
    resume: true,
  }
}

test('the list is shared between workers: each tries its own, and merging says what is left', async () => {
  const work = request(30)
  const list = await searchList({ ...work, worker: 'list' }, listening())
  expect(list.length).toBeGreaterThan(4)
  expect(new Set(list.map(({ key }) => key)).size).toBe(list.length)
  const keys = list.map(({ key }) => key)
  const context = listening()
  expect(await searchStep({ ...work, share: { worker: '0', keys: keys.slice(0, 2) } }, context)).toEqual(
    keys.slice(0, 2),
  )
  const trials = context.told.filter(([event]) => event === 'trial')
  expect(trials.map(([, data]) => (data as { trial: { key: string } }).trial.key)).toEqual(keys.slice(0, 2))
  // Another worker with an overlapping share tries only what is still to be tried.
  expect(await searchStep({ ...work, share: { worker: '1', keys: keys.slice(1, 3) } }, listening())).toEqual([
    keys[2],
  ])
  // What is damaged counts as not tried.
  const [trialsFolder] = fs
    .readdirSync(work.folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => path.basename(name) === 'trials')
  for (const [name, text] of Object.entries({ a: 'null', b: '{}', c: '[1]', d: '{"key":"../x"}' }))
    fs.writeFileSync(path.join(work.folder, trialsFolder!, `${name}.json`), text)
  const merged = await searchMerge({ ...work, worker: 'merge' }, listening())
  expect('left' in merged && merged.left.map(({ key }) => key).filter((key) => keys.includes(key))).toEqual(
    keys.slice(3),
  )
  expect(fs.existsSync(work.into)).toBe(false)
})

/** Two recipes are tried before the time begins, so that something is kept on any machine. */
async function tried(work: ReturnType<typeof request>): Promise<void> {
  const keys = (await searchList({ ...work, worker: 'list' }, listening())).map(({ key }) => key)
  await searchStep({ ...work, share: { worker: '0', keys: keys.slice(0, 2) } }, listening())
}

test('a search that is out of time ends with a measured winner and its record', async () => {
  const work = request(0.06)
  await tried(work)
  const context = listening()
  const { result, run } = await search(work, context)
  const first = result.winner ?? result.closest
  expect(run.candidates[0]!.recipe.name).toBe(first!.recipe.name)
  expect(run.candidates[0]!.report.notes).toContain(result.explanation)
  const kept = JSON.parse(fs.readFileSync(path.join(work.into, 'search.json'), 'utf8')) as SearchResult
  expect(kept.front).toEqual(result.front)
  expect(DOCUMENTS['search-result'].safeParse(kept).error?.issues ?? []).toEqual([])
  const report = JSON.parse(fs.readFileSync(path.join(work.into, 'report.json'), 'utf8')) as object
  expect(DOCUMENTS.report.safeParse(report).error?.issues ?? []).toEqual([])
  expect(report).toMatchObject({ data: { fingerprint: expect.stringMatching(/^sha256:/), spec: {} } })
  expect(fs.existsSync(path.join(work.folder, 'work'))).toBe(false)
  const done = context.told.flatMap(([event, data]) => (event === 'progress' ? [data.done] : []))
  expect(Math.max(...done)).toBeLessThanOrEqual(1)
  expect(done.at(-1)).toBe(1)
})

test('with nothing inside the limits no model is the winner: what comes closest lies in closest/', async () => {
  const work = request(0.06)
  await tried(work)
  // An earlier search in that folder had a winner; it is none for what is asked now.
  fs.mkdirSync(work.into)
  for (const name of ['model.onnx', 'report.json', 'report.html'])
    fs.writeFileSync(path.join(work.into, name), '{}')
  const goal = { ...work.goal, maxBytes: 1 }
  const { result, run } = await search({ ...work, goal }, listening())
  expect(result.winner).toBeUndefined()
  const closest = path.join(work.into, 'closest')
  expect(run.candidates[0]).toMatchObject({ folder: closest, recipe: { name: result.closest!.recipe.name } })
  expect(fs.readdirSync(work.into).sort()).toEqual(['closest', 'search.json'])
  expect(fs.readdirSync(closest)).toContain('model.onnx')
  // And the other way round.
  await search(work, listening())
  expect(fs.existsSync(closest)).toBe(false)
  expect(fs.existsSync(path.join(work.into, 'model.onnx'))).toBe(true)
})

test('a search tries what takes seconds before it measures a layer; a list for workers measures first', async () => {
  const bearing = path.resolve('resources/samples/bearing')
  const work = {
    ...request(5),
    model: path.join(bearing, 'cnn1d.onnx'),
    data: { path: path.join(bearing, 'data') },
  }
  const measured = (): boolean => fs.existsSync(path.join(work.folder, 'sensitivity'))
  const tried: { passes: string[]; measured: boolean }[] = []
  const context = listening({ stopRequested: () => tried.length > 0 })
  const { emit } = context
  context.emit = (event, data) => {
    emit(event, data)
    if (event !== 'trial') return
    const { recipe } = (data as JobEvents['trial']).trial
    tried.push({ passes: recipe.steps.map(({ pass }) => pass), measured: measured() })
  }
  await search(work, context)
  expect(tried.map(({ measured, passes }) => [measured, passes.at(-1)])).toEqual([
    [false, 'quantize-weights'],
  ])
  await searchList({ ...work, worker: 'list' }, listening())
  expect(measured()).toBe(true)
})

test('sensitivity is measured once and taken from its folder after that', async () => {
  const bearing = path.resolve('resources/samples/bearing')
  const input = {
    model: path.join(bearing, 'cnn1d.onnx'),
    data: { path: path.join(bearing, 'data') },
    settings,
    samples: 16,
    techniques: ['bits' as const],
    sensitivities: temporaryFolder(),
  }
  const first = await sensitivity(input, listening())
  expect(first.samples).toBe(16)
  expect(first.measured).toBe(first.entries.length)
  // Each bit less is about 6 dB more noise in the weights (Bennett 1948), fewer where a channel has few of them.
  const layers = new Set(first.entries.map(({ layer }) => layer))
  expect(layers.size).toBeGreaterThan(3)
  for (const layer of layers) {
    const byBits = first.entries
      .filter((entry) => entry.layer === layer)
      .toSorted((a, b) => a.strength - b.strength)
    const [fewest, most] = [byBits[0]!, byBits.at(-1)!]
    const perBit = (most.weightSqnr - fewest.weightSqnr) / (most.strength - fewest.strength)
    expect(perBit).toBeGreaterThan(4)
    expect(perBit).toBeLessThan(9)
  }
  const again = await sensitivity(input, listening())
  expect(again.measured).toBe(0)
  expect(again.entries).toEqual(first.entries)
})

test('a search that kept nothing says why: the trials’ own reason, a stop, or time', () => {
  const goal = SearchGoal.parse({ kind: 'search', maxDrop: 5, minutes: 1 })
  const trial = (reason: string) => ({ reason, state: 'failed' }) as SearchResult['trials'][number]
  const result = (reasons: string[], leftOut: number) =>
    ({ goal, trials: reasons.map(trial), front: [], leftOut }) as unknown as SearchResult
  const common = nothingKept(result(['too small.', 'odd.', 'too small.'], 0), false)
  expect(common.data).toEqual({ code: 'search/nothing-kept', tried: 3, reason: 'too small' })
  expect(errorMessage(common.data).what).toContain('None of the 3 recipes tried')
  expect(nothingKept(result(['odd'], 7), false).code).toBe('search/out-of-time')
  const stopped = nothingKept(result([], 7), true)
  expect(errorMessage(stopped.data).what).toContain('stopped before')
})

test('data that is gone in the middle ends a search, and no trial of it is kept', async () => {
  const work = request(30)
  const context = listening()
  const emit: typeof context.emit = (event, data) => {
    context.emit(event, data)
    if (event === 'trial') fs.rmSync(work.data.path!, { force: true })
  }
  await expect(search(work, { ...context, emit })).rejects.toMatchObject({
    data: { code: 'data/gone', path: work.data.path },
  })
  expect(context.told.filter(([event]) => event === 'trial')).toHaveLength(1)
  const kept = fs.readdirSync(work.folder, { recursive: true }).map(String)
  expect(kept.filter((name) => /trials.*\.json$/.test(name))).toHaveLength(1)
})
