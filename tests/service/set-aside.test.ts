/** What is damaged in the app's own folder is set aside, told and kept; what a kill left behind goes. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { errorMessage } from '../../src/contract/messages'
import { createService, type Service } from '../../src/service'
import { write } from '../engine/data/support'
import { temporaryFolder } from '../engine/run/support'

function open(dataDir: string): Service {
  return createService({
    dataDir,
    resourcesDir: path.resolve(import.meta.dirname, '../../resources'),
    engine: () => {
      throw new Error('nothing here asks the engine')
    },
    shell: 'browser',
  })
}

const project = (id: string): Record<string, unknown> => ({
  id,
  name: 'Mine',
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
  runs: [],
  exports: [],
})

const FILES = ['settings.json', 'queue.json', 'projects/bad.json', 'files/records/bad.json']

test.each(FILES.flatMap((name) => ['{"half', '[]', undefined].map((text) => ({ name, text }))))(
  '$name holding $text is told, kept where it can be got at, and not in the way',
  async ({ name, text }) => {
    const dataDir = write(temporaryFolder(), { 'projects/good.json': JSON.stringify(project('good')) })
    const file = path.join(dataDir, name)
    if (text === undefined) write(dataDir, { [`${name}/inside.txt`]: 'mine' })
    else write(dataDir, { [name]: text })
    const service = open(dataDir)
    const [notice, ...more] = await service.invoke('notices.list', undefined)
    expect(more).toEqual([])
    const { error } = notice!
    if (error.code !== 'app/set-aside') return expect.unreachable(error.code)
    expect(error.path).toBe(file)
    const kept = text === undefined ? path.join(error.aside, 'inside.txt') : error.aside
    expect(fs.readFileSync(kept, 'utf8')).toBe(text ?? 'mine')
    expect(errorMessage(error).what).toContain(path.basename(name))

    expect(await service.invoke('projects.list', undefined)).toMatchObject([{ id: 'good' }])
    await service.invoke('settings.set', { theme: 'dark' })
    await service.invoke('projects.create', {})
    await service.invoke('queue.pause', { paused: true })
    service.close()

    const again = open(dataDir)
    expect(await again.invoke('notices.list', undefined)).toEqual([notice])
    await again.invoke('notices.dismiss', { notice: notice!.id })
    expect(await again.invoke('notices.list', undefined)).toEqual([])
    again.close()
    const last = open(dataDir)
    expect(await last.invoke('notices.list', undefined)).toEqual([])
    expect((await last.invoke('settings.get', undefined)).theme).toBe('dark')
    expect(fs.readFileSync(kept, 'utf8')).toBe(text ?? 'mine')
    last.close()
  },
)

test('notices that are damaged themselves are told as well', async () => {
  const dataDir = write(temporaryFolder(), { 'set-aside/notices.json': '{"half' })
  const service = open(dataDir)
  expect(await service.invoke('notices.list', undefined)).toMatchObject([{ error: { kind: 'note' } }])
  service.close()
})

const leftOver = (dataDir: string): string[] =>
  [
    'settings.json.999999999.tmp',
    'projects/good.json.999999999.tmp',
    'files/unpacked/gone/a.txt',
    'files/uploads/gone/a.onnx',
    'runs/gone/report.json',
  ].map((name) => {
    write(dataDir, { [name]: 'half' })
    return path.join(dataDir, name)
  })

test('what a kill left behind is gone after the next start', () => {
  const dataDir = write(temporaryFolder(), { 'projects/good.json': JSON.stringify(project('good')) })
  const left = leftOver(dataDir)
  open(dataDir).close()
  expect(left.filter((file) => fs.existsSync(file))).toEqual([])
})

test('of a run that can go on, what was not yet put in place goes, and what was stays', () => {
  const run = {
    id: 'run',
    project: 'good',
    name: 'Safe',
    status: 'interrupted',
    goal: { kind: 'preset', preset: 'safe', target: 'any' },
    createdAt: '2026-01-01T00:00:00Z',
    seconds: 1,
    done: 0.5,
    model: { file: 'f', name: 'model.onnx', sha256: '' },
    data: { name: 'data', key: 'k' },
    recipes: [],
    candidates: [],
    steps: [],
  }
  const dataDir = write(temporaryFolder(), {
    'projects/good.json': JSON.stringify({ ...project('good'), runs: [run] }),
    'runs/run/candidates/1/.new/model.onnx': 'half',
    'runs/run/candidates/0/model.onnx': 'whole',
    'runs/run/run.json': '{}',
  })
  open(dataDir).close()
  const there = fs.readdirSync(path.join(dataDir, 'runs'), { recursive: true, encoding: 'utf8' }).sort()
  expect(there).toEqual(
    [
      'run',
      'run/candidates',
      'run/candidates/0',
      'run/candidates/0/model.onnx',
      'run/candidates/1',
      'run/run.json',
    ]
      .map((name) => path.normalize(name))
      .sort(),
  )
})

test('files and runs that a project set aside may name stay until it is gone', async () => {
  const dataDir = write(temporaryFolder(), {
    'projects/bad.json': '{"half',
    'projects/good.json': JSON.stringify(project('good')),
  })
  const left = leftOver(dataDir)
  const service = open(dataDir)
  await service.invoke('projects.remove', { project: 'good' })
  service.close()
  expect(left.map((file) => fs.existsSync(file))).toEqual([false, false, true, true, true])
})

const report = (more: object = {}): object => ({
  path: '/m/model.onnx',
  bytes: 9,
  downloadBytes: 9,
  sha256: 'a',
  parameters: 1,
  nonzeroParameters: 1,
  macs: 1,
  peakMemoryBytes: 1,
  energyMicrojoules: 1,
  quality: {
    metric: 'accuracy',
    value: 1,
    samples: 1,
    interval: [0, 1],
    higherIsBetter: true,
    others: {},
    split: 'validation',
    task: 'classification',
  },
  latencyMs: { p50: 1, p95: 1, runs: 1, batch: 1, provider: 'cpu', threads: 1 },
  notes: [],
  ...more,
})

const recipe = { pare: 1, name: 'Mine', description: '', steps: [] }
const ranOnce = (more: object = {}): object => ({
  id: 'run1',
  project: 'bad',
  name: 'Safe',
  status: 'done',
  goal: { kind: 'preset', preset: 'safe', target: 'any' },
  createdAt: '2026-01-01T00:00:00Z',
  seconds: 1,
  done: 1,
  model: { file: 'f', name: 'model.onnx', sha256: '' },
  data: { name: 'data', key: 'k' },
  recipes: [recipe],
  original: report(),
  candidates: [{ n: 1, recipe, report: report(), steps: [], folder: '/r' }],
  steps: [],
  ...more,
})

test('a project with results is read and shown', async () => {
  const dataDir = write(temporaryFolder(), {
    'projects/bad.json': JSON.stringify({ ...project('bad'), runs: [ranOnce()] }),
  })
  const service = open(dataDir)
  expect(await service.invoke('notices.list', undefined)).toEqual([])
  expect(await service.invoke('projects.list', undefined)).toMatchObject([{ id: 'bad' }])
  expect((await service.invoke('projects.get', { project: 'bad' })).runs[0]!.candidates).toHaveLength(1)
  service.close()
})

test.each([
  ['a run whose id is no name', { runs: [ranOnce({ id: '' })] }],
  ['a run whose id leads elsewhere', { runs: [ranOnce({ id: '..' })] }],
  ['a run of another folder', { runs: [ranOnce({ id: '../../x' })] }],
  ['a project of another id', { id: 'good' }],
  ['a project whose id leads elsewhere', { id: '../x' }],
  ['results without their original', { runs: [ranOnce({ original: undefined })] }],
  ['a report that is a number', { runs: [ranOnce({ original: 5 })] }],
  ['a report without quality', { runs: [ranOnce({ original: report({ quality: null }) })] }],
  ['a step that is null', { runs: [ranOnce({ steps: [null] })] }],
  ['a status that there is not', { runs: [ranOnce({ status: 'flying' })] }],
  ['a trial that is a word', { runs: [ranOnce({ trials: ['x'] })] }],
])('a project with %s is set aside, and others are still there, with all their files', async (_, more) => {
  const dataDir = write(temporaryFolder(), {
    'projects/good.json': JSON.stringify(project('good')),
    'projects/bad.json': JSON.stringify({ ...project('bad'), ...more }),
    'runs/run1/report.json': '{}',
    'runs/other/report.json': '{}',
    'files/uploads/u/a.onnx': 'mine',
  })
  const service = open(dataDir)
  expect(await service.invoke('notices.list', undefined)).toMatchObject([{ error: { kind: 'project' } }])
  expect(await service.invoke('projects.list', undefined)).toMatchObject([{ id: 'good' }])
  await service.invoke('projects.remove', { project: 'good' })
  for (const name of ['runs/run1/report.json', 'runs/other/report.json', 'files/uploads/u/a.onnx'])
    expect(fs.existsSync(path.join(dataDir, name)), name).toBe(true)
  service.close()
})

test('a file record of no name, or of another, removes nothing with a project', async () => {
  const file = (id: string): string =>
    JSON.stringify({ id, name: 'a.onnx', bytes: 4, kind: 'model', path: '/a.onnx', owned: true })
  const dataDir = write(temporaryFolder(), {
    'projects/good.json': JSON.stringify({ ...project('good'), model: { file: 'damaged' } }),
    'projects/other.json': JSON.stringify(project('other')),
    'files/records/.json': file(''),
    'files/records/damaged.json': file(''),
    'files/records/x.json': file('..'),
    'files/uploads/u/a.onnx': 'mine',
  })
  const service = open(dataDir)
  expect(await service.invoke('notices.list', undefined)).toHaveLength(3)
  // What is known of its model is set aside; the project is there all the same, and says so.
  expect(await service.invoke('projects.list', undefined)).toHaveLength(2)
  expect(await service.invoke('projects.get', { project: 'good' })).toMatchObject({
    model: { file: { id: 'damaged', name: 'a file that is not known any more' } },
  })
  await service.invoke('projects.remove', { project: 'other' })
  expect(fs.readFileSync(path.join(dataDir, 'files/uploads/u/a.onnx'), 'utf8')).toBe('mine')
  service.close()
})

test('what was read of a file and is damaged is read again, and costs nobody a project', async () => {
  const model = { file: 'm', value: { path: 5 }, error: 'no error' }
  const dataDir = write(temporaryFolder(), {
    'projects/good.json': JSON.stringify({ ...project('good'), model }),
  })
  const service = open(dataDir)
  expect(await service.invoke('notices.list', undefined)).toEqual([])
  expect(await service.invoke('projects.list', undefined)).toHaveLength(1)
  service.close()
})

test('notices of another shape are set aside like anything else', async () => {
  const notice = { id: 'a', at: '', seen: false, kind: 'project', error: { code: 'app/set-aside' } }
  const dataDir = write(temporaryFolder(), { 'set-aside/notices.json': JSON.stringify([notice]) })
  const service = open(dataDir)
  const notices = await service.invoke('notices.list', undefined)
  expect(notices.map(({ error }) => errorMessage(error).what)).toMatchObject([
    expect.stringContaining('notices.json'),
  ])
  service.close()
})

test('on a disk that may not be written to there is still much to look at', async () => {
  const dataDir = write(temporaryFolder(), {
    'projects/bad.json': JSON.stringify({ ...project('bad'), runs: [ranOnce({ status: 'running' })] }),
    'queue.json': JSON.stringify({ waiting: ['gone'], paused: false }),
    'runs/lost/report.json': '{}',
    'files/incoming/half': '',
  })
  const denied = (): never => {
    throw Object.assign(new Error('read-only'), { code: 'EROFS' })
  }
  const spies = [vi.spyOn(fs, 'writeFileSync'), vi.spyOn(fs, 'rmSync')].map((spy) =>
    spy.mockImplementation(denied),
  )
  try {
    const service = open(dataDir)
    expect((await service.invoke('projects.get', { project: 'bad' })).runs[0]!.status).toBe('interrupted')
    await expect(service.invoke('settings.set', { theme: 'dark' })).rejects.toMatchObject({
      code: 'disk/denied',
    })
    service.close()
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})

test('a queue that holds is not written at every start', () => {
  const dataDir = write(temporaryFolder(), { 'queue.json': '{"waiting":[],"paused":true}' })
  open(dataDir).close()
  expect(fs.readFileSync(path.join(dataDir, 'queue.json'), 'utf8')).toBe('{"waiting":[],"paused":true}')
})
