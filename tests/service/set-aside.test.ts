/** What is damaged in the app's own folder is set aside, told and kept; what a kill left behind goes. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
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
