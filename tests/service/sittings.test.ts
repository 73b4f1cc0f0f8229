/** Candidates measured together: what is kept, shown and forgotten. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { PareError } from '../../src/contract/errors'
import type { Recipe } from '../../src/contract/recipe'
import type { Report } from '../../src/contract/report'
import { compareHandlers } from '../../src/service/comparing'
import type { Core } from '../../src/service/core'
import type { Parts } from '../../src/service/parts'
import type { ProjectRecord, RunRecord } from '../../src/service/records'
import { Sittings, withoutRun } from '../../src/service/sittings'
import { ProjectStore } from '../../src/service/store'
import { viewProject } from '../../src/service/view'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-sittings-'))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const report = (p50: number, over: Partial<Report> = {}): Report =>
  ({
    path: '/somewhere/model.onnx',
    bytes: 1000,
    downloadBytes: 900,
    quality: {
      metric: 'accuracy',
      value: 0.9,
      samples: 100,
      interval: [0.8, 1],
      higherIsBetter: true,
      others: {},
    },
    latencyMs: { p50, p95: 2 * p50, runs: 10, batch: 1, provider: 'cpu', threads: 1 },
    notes: [],
    ...over,
  }) as Report

const layers = [{ layer: 'a', op: 'Conv', treatment: 'int8' }]
const recipe: Recipe = { pare: 1, name: 'Mine', description: '', steps: [] }

function run(id: string, sha256: string, original: Report): RunRecord {
  const made = report(2, { bytes: 500, layers, latencyRatio: { value: 0.9, interval: [0.85, 0.95] } })
  return {
    id,
    project: '',
    name: id,
    goal: { kind: 'recipe', recipe, target: 'ios' },
    status: 'done',
    createdAt: '',
    seconds: 1,
    done: 1,
    model: { file: 'm', name: 'm.onnx', sha256 },
    data: { name: 'random inputs', key: 'random' },
    recipes: [recipe],
    original,
    candidates: [{ n: 1, recipe, report: made, steps: [], folder: path.join(folder, id) }],
    steps: [],
  }
}

const file = (project: string): string => path.join(folder, 'projects', `${project}.json`)

interface Asked {
  signal: AbortSignal
  onEvent?(event: unknown): void
}

/** A project with runs, and an engine that measures them anew. */
function open(): { core: Core; parts: Parts; project: string } {
  const held = new ProjectStore(
    path.join(folder, 'projects'),
    () => undefined,
    () => undefined,
  )
  const { id } = held.create('p')
  held.update(id, (record) => {
    record.runs = [run('one', 'x', report(1)), run('two', 'x', report(3)), run('other', 'y', report(1))]
    for (const one of record.runs) one.project = id
  })
  const original = report(10)
  const seated = [0.5, 0.25, 0.2].map((value) =>
    report(10 * value, {
      bytes: 500,
      latencyRatio: { value, interval: [value * 0.97, value * 1.03] },
      originalLatencyMs: original.latencyMs,
    }),
  )
  const interactive = { run: vi.fn(async (_: string, input: unknown) => JSON.stringify(input)) }
  const work = {
    run: vi.fn(async (_: string, input: { candidates: unknown[] }, options: Asked) => {
      options.onEvent?.({ event: 'progress', data: { done: 0.5, doing: 'Latency' } })
      await new Promise<void>((resolve, reject) => {
        setTimeout(resolve, 20)
        options.signal.addEventListener('abort', () =>
          reject(new PareError('cancelled', { during: 'measuring' })),
        )
      })
      return { original, candidates: seated.slice(0, input.candidates.length) }
    }),
  }
  const core = {
    store: held,
    emit: vi.fn(),
    interactive,
    work,
    files: { get: () => ({ id: 'm', name: 'm.onnx', bytes: 1, kind: 'model' }), pathOf: () => '/m.onnx' },
    settings: { get: () => ({ provider: 'cpu', threads: 0 }) },
  } as unknown as Core
  const sources = {
    file: () => ({ id: 'm', name: 'm.onnx', bytes: 1, kind: 'model' as const }),
    doing: () => undefined,
    opened: () => undefined,
    live: () => undefined,
    passTitle: (pass: string) => pass,
    resumable: () => false,
  }
  return { core, parts: { core, sources, sittings: new Sittings(core) } as unknown as Parts, project: id }
}

test('what was measured together is kept, told and written down', async () => {
  const { core, parts, project } = open()
  const handlers = compareHandlers(parts)
  const candidates = ['one-1', 'two-1']
  const seen = await handlers['compare.together']({ project, candidates })
  expect(core.work.run).toHaveBeenCalledWith(
    'compare',
    expect.objectContaining({
      target: 'ios',
      candidates: [
        { name: 'Mine', model: path.join(folder, 'one', 'model.onnx') },
        { name: 'Mine', model: path.join(folder, 'two', 'model.onnx') },
      ],
    }),
    // A run that is started meanwhile comes first: times taken beside it would be wrong.
    expect.objectContaining({ background: true }),
  )
  expect(core.emit).toHaveBeenCalledWith('task.progress', { project, done: 0.5, doing: 'Latency' })
  const [sitting] = seen.sittings
  expect(sitting!.original.latencyMs.p50).toBe(10)
  expect(sitting!.candidates.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['one-1', '2× smaller file, same download size, 2× faster, the same accuracy on 100 samples'],
    ['two-1', '2× smaller file, same download size, 4× faster, the same accuracy on 100 samples'],
  ])
  for (const one of sitting!.candidates) {
    expect(one.report.path).toBe('model.onnx')
    expect(one.report.layers).toEqual(layers)
  }
  // The candidates' own figures stay what they were.
  expect(seen.runs[0]!.candidates[0]!.report.latencyRatio!.value).toBe(0.9)
  const kept = JSON.parse(fs.readFileSync(file(project), 'utf8')) as ProjectRecord
  expect(viewProject(kept, parts.sources).sittings).toEqual(seen.sittings)

  const page = await handlers['compare.report']({ project, candidates: ['two-1', 'one-1'] })
  const written = JSON.parse(page.html) as { original: Report; candidates: { report: Report }[] }
  expect(written.original.latencyMs.p50).toBe(10)
  expect(written.candidates.map(({ report: of }) => of.latencyMs.p50)).toEqual([2.5, 5])
  const alone = await handlers['compare.report']({ project, candidates: ['one-1'] })
  // Leaving one out changes no figure of the other.
  expect((JSON.parse(alone.html) as typeof written).original.latencyMs.p50).toBe(10)
  expect((JSON.parse(alone.html) as typeof written).candidates[0]!.report.latencyMs.p50).toBe(5)

  await handlers['compare.together']({ project, candidates: ['two-1', 'one-1'] })
  expect(core.store.get(project).sittings).toHaveLength(1)
  expect(withoutRun(core.store.get(project).sittings, 'two')).toEqual([])
  expect(withoutRun(core.store.get(project).sittings, 'tw')).toHaveLength(1)
  core.store.update(project, (record) => void (record.runs = record.runs.slice(0, 1)))
  expect(viewProject(core.store.get(project), parts.sources).sittings).toEqual([])
})

test('candidates of different models are not measured together', async () => {
  const { parts, project } = open()
  const asked = compareHandlers(parts)['compare.together']({ project, candidates: ['one-1', 'other-1'] })
  await expect(asked).rejects.toMatchObject({ code: 'bad-request' })
})

test('what is asked twice is measured once, and other candidates take its place', async () => {
  const { core, parts, project } = open()
  core.store.update(project, (record) => void record.runs.push({ ...run('more', 'x', report(1)), project }))
  const handlers = compareHandlers(parts)
  const asked = (...candidates: string[]) => handlers['compare.together']({ project, candidates })
  const ended = await Promise.allSettled([
    asked('one-1', 'two-1'),
    asked('two-1', 'one-1'),
    asked('one-1', 'two-1', 'more-1'),
  ])
  expect(ended.map((one) => (one.status === 'rejected' ? one.reason.code : one.status))).toEqual([
    'cancelled',
    'cancelled',
    'fulfilled',
  ])
  expect(core.work.run).toHaveBeenCalledTimes(2)
  expect(core.store.get(project).sittings!.map(({ candidates }) => candidates)).toEqual([
    ['one-1', 'two-1', 'more-1'],
  ])

  const stopped = asked('one-1', 'two-1')
  handlers['compare.stop']({ project })
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' })
  expect(core.store.get(project).sittings).toHaveLength(1)
})

test('only candidates of one model and data have one basis', () => {
  const { core, parts, project } = open()
  const { runs } = viewProject(core.store.get(project), parts.sources)
  const [one, two, other] = runs.map(({ basis }) => basis)
  expect(two).toBe(one)
  expect(other).not.toBe(one)
})
