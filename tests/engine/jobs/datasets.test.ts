import fs from 'node:fs'
import path from 'node:path'
import { zipSync } from 'fflate'
import { afterEach, expect, test } from 'vitest'
import { forgetOpenData } from '../../../src/engine/jobs/data'
import { dataJobs } from '../../../src/engine/jobs/datasets'
import { temporaryFolder } from '../run/support'
import { best, given, listening } from './support'

afterEach(forgetOpenData)

const { openData, findPreprocessing, samples, unpack } = dataJobs

test.each<[string, Parameters<typeof given>[0], number, boolean]>([
  ['classes as the model answers', best, 1, false],
  ['classes the model never answers', (answer) => (best(answer) + 1) % 3, 0, true],
])('%s', async (_, labels, value, chance) => {
  const context = listening()
  const loaded = await openData({ ...given(labels), show: 7 }, context)
  expect(loaded.baseline).toMatchObject({ task: 'classification', metric: 'accuracy', value })
  expect(loaded.baseline.samples).toBe(loaded.summary.splits.validation.samples)
  expect(loaded.looksLikeChance).toBe(chance)
  expect(context.told.at(-1)).toMatchObject(['progress', { done: 1 }])
  // What is in the data can be seen before the original is scored on it.
  const at = context.told.findIndex(([event]) => event === 'opened')
  expect(context.told[at]![1]).toMatchObject({ summary: loaded.summary })
  expect((context.told[at]![1] as { samples: unknown[] }).samples).toHaveLength(7)
  const scoring = context.told.findIndex(([, data]) => 'doing' in data && data.doing.startsWith('Scoring'))
  expect(at).toBeLessThan(scoring)
})

test('values as the model gives them explain everything, their opposites nothing', async () => {
  const right = await openData(
    given((answer) => answer),
    listening(),
  )
  expect(right.baseline).toMatchObject({ task: 'regression', metric: 'r2' })
  expect(right.baseline.value).toBeCloseTo(1, 9)
  expect(right.looksLikeChance).toBe(false)
  const wrong = await openData(
    given((answer) => answer.map((value) => -value)),
    listening(),
  )
  expect(wrong.baseline.value).toBeLessThan(0)
  expect(wrong.looksLikeChance).toBe(true)
})

test('a wrong mean is found out, and what a way to read scored is what it scores', async () => {
  const request = given(best)
  const preprocessing = { kind: 'array' as const, scale: 1, mean: [0], std: [1], columns: {} }
  const shifted = { ...request.data, preprocessing: { ...preprocessing, mean: [5] } }
  const before = await openData({ ...request, data: shifted }, listening())
  expect(before.baseline.value).toBeLessThan(0.9)
  const [first, ...rest] = await findPreprocessing(
    { ...request, data: shifted, when: 'gain', baseline: before.baseline },
    listening(),
  )
  expect(first!.score).toBeGreaterThan(before.baseline.value)
  const again = await openData(
    { ...request, data: { ...request.data, preprocessing: first!.preprocessing } },
    listening(),
  )
  expect(again.baseline.value, 'what was scored is what it scores').toBeCloseTo(first!.score, 9)
  expect(rest.every(({ score }) => score <= first!.score)).toBe(true)
})

test('samples come page by page, and none from beyond the end', async () => {
  const request = given(best)
  const page = (offset: number, limit: number) =>
    samples({ ...request, split: 'validation', offset, limit }, listening())
  const { total, samples: all } = await page(0, 1000)
  expect(all.map(({ index }) => index)).toEqual(Array.from({ length: total }, (_, i) => i))
  expect((await page(total - 2, 10)).samples).toEqual(all.slice(-2))
  expect(await page(3, 0)).toEqual({ total, samples: [] })
  expect(await page(total + 5, 10)).toEqual({ total, samples: [] })
})

test('an archive is unpacked as it is, in place of what was there', async () => {
  const folder = temporaryFolder()
  const archive = path.join(folder, 'a.zip')
  const into = path.join(folder, 'deep', 'into')
  const files = {
    'cat/1.txt': Buffer.from('meow'),
    'dog/deep/2.txt': Buffer.from('woof'),
    empty: Buffer.alloc(0),
  }
  fs.writeFileSync(archive, zipSync(files))
  fs.mkdirSync(into, { recursive: true })
  fs.writeFileSync(path.join(into, 'old.txt'), 'old')
  // What a killed process had begun; no process has such a number.
  fs.mkdirSync(path.join(`${into}.${2 ** 30}.tmp`, 'half'), { recursive: true })
  const context = listening()
  expect(await unpack({ archive, into }, context)).toEqual({ folder: into })
  for (const [name, content] of Object.entries(files))
    expect(fs.readFileSync(path.join(into, name))).toEqual(content)
  expect(fs.existsSync(path.join(into, 'old.txt'))).toBe(false)
  expect(fs.readdirSync(path.dirname(into))).toEqual(['into'])
  const done = context.told.map(([, data]) => (data as { done: number }).done)
  expect(done).toEqual([...done].sort((a, b) => a - b))
  expect(done.at(-1)).toBe(1)
})

test.each(['../outside.txt', '/outside.txt', 'a/../../outside.txt'])(
  'an archive that points at %s is refused and leaves nothing',
  async (name) => {
    const folder = temporaryFolder()
    const archive = path.join(folder, 'a.zip')
    fs.writeFileSync(archive, zipSync({ 'good.txt': Buffer.from('x'), [name]: Buffer.from('x') }))
    await expect(unpack({ archive, into: path.join(folder, 'into') }, listening())).rejects.toMatchObject({
      code: 'data/unreadable',
    })
    expect(fs.readdirSync(folder)).toEqual(['a.zip'])
  },
)

test.each([0, 6] as const)('an entry whose checksum is wrong is named, packed at level %i', async (level) => {
  const folder = temporaryFolder()
  const archive = path.join(folder, 'a.zip')
  const entries = {
    'cat/1.txt': Buffer.from('meow '.repeat(99)),
    'cat/2.txt': Buffer.from('woof '.repeat(99)),
  }
  const bytes = Buffer.from(zipSync(entries, { level }))
  // CRC-32 of the second entry in the central directory, APPNOTE.TXT 4.3.12.
  const second = bytes.indexOf('PK\x01\x02', bytes.indexOf('PK\x01\x02') + 4, 'latin1')
  bytes.writeUInt32LE(1, second + 16)
  fs.writeFileSync(archive, bytes)
  await expect(unpack({ archive, into: path.join(folder, 'into') }, listening())).rejects.toMatchObject({
    code: 'data/unreadable',
    data: { path: archive, reason: expect.stringContaining('“cat/2.txt”') as string },
  })
  expect(fs.readdirSync(folder)).toEqual(['a.zip'])
})

test('an archive with a damaged entry is refused and what was there stays', async () => {
  const folder = temporaryFolder()
  const archive = path.join(folder, 'a.zip')
  const into = path.join(folder, 'into')
  const bytes = zipSync({ 'a.txt': Buffer.from('hello hello hello, so long that it is deflated '.repeat(9)) })
  bytes.fill(0xff, 40, 60)
  fs.writeFileSync(archive, bytes)
  fs.mkdirSync(into)
  fs.writeFileSync(path.join(into, 'old.txt'), 'old')
  await expect(unpack({ archive, into }, listening())).rejects.toMatchObject({ name: 'PareError' })
  expect(fs.readFileSync(path.join(into, 'old.txt'), 'utf8')).toBe('old')
  expect(fs.readdirSync(folder).sort()).toEqual(['a.zip', 'into'])
})
