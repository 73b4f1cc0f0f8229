import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { StepRecord } from '../../../src/contract/report'
import { readModel } from '../../../src/engine/onnx'
import { RunFolder } from '../../../src/engine/run/checkpoints'
import { scaled, temporaryFolder, tinyModel } from './support'

const original = { path: '/m.onnx', bytes: 10, sha256: 'a'.repeat(64) }
const record: StepRecord = { pass: 'p', params: {}, seconds: 1, summary: 's', skipped: [] }
const recipe = { pare: 1 as const, name: 'r', description: '', steps: [] }

async function kept(folder: string, key = 'k') {
  const run = RunFolder.open(folder, { original, target: 'any' }, false)
  const files = run.write(key, tinyModel())
  expect(run.checkpoint(key), 'a model that was only written does not count').toBeUndefined()
  run.keep(key, record, files)
  return { run, file: files[0]! }
}

const again = (folder: string, of = original) => RunFolder.open(folder, { original: of, target: 'any' }, true)

test('a checkpoint is found by the next process, with the model that was written', async () => {
  const folder = temporaryFolder()
  const { file } = await kept(folder)
  const run = again(folder)
  expect(run.checkpoint('k')?.record).toEqual(record)
  expect(run.modelOf(run.checkpoint('k')!)).toBe(file)
  expect(run.checkpoint('other')).toBeUndefined()
})

test.each<[string, (file: string) => void]>([
  ['is gone', (file) => fs.rmSync(file)],
  ['was cut', (file) => fs.truncateSync(file, 40)],
  [
    'has one other byte',
    (file) => {
      const bytes = fs.readFileSync(file)
      bytes[bytes.length - 9]! ^= 1
      fs.writeFileSync(file, bytes)
    },
  ],
])('a model that %s is not gone on from', async (_, damage) => {
  const folder = temporaryFolder()
  const { file } = await kept(folder)
  damage(file)
  const run = again(folder)
  expect(run.modelOf(run.checkpoint('k')!)).toBeUndefined()
})

test('what was made of another original, or without the wish to go on, is forgotten', async () => {
  for (const open of [
    (folder: string) => again(folder, { ...original, sha256: 'b'.repeat(64) }),
    (folder: string) => RunFolder.open(folder, { original, target: 'any' }, false),
  ]) {
    const folder = temporaryFolder()
    const { file } = await kept(folder)
    expect(open(folder).checkpoint('k')).toBeUndefined()
    expect(fs.existsSync(file)).toBe(false)
  }
})

test.each(['', '{"pare":1', '{"pare":2}', '[]'])('a run whose record is %j begins anew', async (text) => {
  const folder = temporaryFolder()
  await kept(folder)
  fs.writeFileSync(path.join(folder, 'run.json'), text)
  expect(again(folder).checkpoint('k')).toBeUndefined()
})

test('a checkpoint of the same key is replaced; one whose model went keeps its record', async () => {
  const folder = temporaryFolder()
  const { run, file } = await kept(folder)
  run.keep('k', { ...record, summary: 'newer' }, run.write('k', scaled(tinyModel(), 2)))
  const newer = again(folder).checkpoint('k')!
  expect(newer.record).toMatchObject({ summary: 'newer' })
  const values = readModel(run.modelOf(newer)!).graph.initializers.get('w')!.values() as Float32Array
  expect(values[0]).toBeCloseTo(2 * Math.sin(1), 6)
  run.dropModel('k')
  expect(fs.existsSync(file)).toBe(false)
  expect(again(folder).checkpoint('k')).toMatchObject({ record: { summary: 'newer' } })
  expect(run.modelOf(again(folder).checkpoint('k')!)).toBeUndefined()
})

test('a candidate is finished while its files are what they were; the end leaves nothing to go on with', async () => {
  const folder = temporaryFolder()
  const { run } = await kept(folder)
  const place = run.candidateFolder(1)
  fs.mkdirSync(place, { recursive: true })
  const file = path.join(place, 'report.json')
  fs.writeFileSync(file, '{}')
  run.finish(1, 'k', recipe, [file], place)
  run.scratch('k')
  run.cleanUp()
  expect(fs.readdirSync(folder).sort()).toEqual(['candidates', 'run.json'])
  expect(again(folder).finished(1, 'k', place)).toMatchObject({ n: 1, recipe })
  expect(again(folder).finished(1, 'another recipe', place)).toBeUndefined()
  expect(again(folder).finished(2, 'k', place)).toBeUndefined()
  fs.writeFileSync(file, '{ }')
  expect(again(folder).finished(1, 'k', place)).toBeUndefined()
})

test('a pass keeps its own files until it drops them, and never outside the run', async () => {
  const folder = temporaryFolder()
  const { run } = await kept(folder)
  fs.writeFileSync(path.join(run.scratch('k'), 'epoch'), '3')
  expect(fs.readFileSync(path.join(again(folder).scratch('k'), 'epoch'), 'utf8')).toBe('3')
  run.dropScratch('k')
  expect(fs.readdirSync(run.scratch('k'))).toEqual([])
  expect(() => run.dropScratch('../../..')).toThrow(expect.objectContaining({ code: 'disk/failed' }) as Error)
})

test.each([
  ['no file', []],
  ['a file without a name', [{ name: '', bytes: 0, sha256: '' }]],
  ['the run itself', [{ name: 'checkpoints/..', bytes: 0, sha256: '' }]],
  ['the candidates', [{ name: 'candidates', bytes: 0, sha256: '' }]],
  ['what lies elsewhere', [{ name: '../mine', bytes: 0, sha256: '' }]],
])('a run.json whose checkpoint names %s takes nothing away', async (_, files) => {
  const folder = path.join(temporaryFolder(), 'run')
  const { run } = await kept(folder)
  run.keep('k2', record, undefined)
  const file = path.join(folder, 'run.json')
  const state = JSON.parse(fs.readFileSync(file, 'utf8')) as { checkpoints: { files?: unknown }[] }
  state.checkpoints[0]!.files = files
  fs.writeFileSync(file, JSON.stringify(state))
  const mine = path.join(folder, '..', 'mine')
  fs.writeFileSync(mine, 'mine')
  const opened = again(folder)
  opened.dropModel('k')
  expect(fs.existsSync(mine)).toBe(true)
  expect(fs.existsSync(file)).toBe(true)
})
