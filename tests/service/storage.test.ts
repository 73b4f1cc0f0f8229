import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { diskError, PareError } from '../../src/contract/errors'
import { writeJson } from '../../src/disk/write'
import { newId, readJson, readJsonFolder } from '../../src/service/storage'
import { temporaryFolder } from '../engine/run/support'

const Thing = z.object({ n: z.number() })
const Named = z.object({ id: z.string() })
const sound = (file: string): void => expect.unreachable(`${file} is not damaged`)

test('what is written is read, and nothing else is left in the folder', () => {
  const folder = temporaryFolder()
  const file = path.join(folder, 'deep', 'a.json')
  writeJson(file, { n: 1 })
  writeJson(file, { n: 2 })
  expect(readJson(file, Thing, sound)).toEqual({ n: 2 })
  expect(fs.readdirSync(path.dirname(file))).toEqual(['a.json'])
})

test('what killed processes left half written goes with the next write of that file, and nothing else', () => {
  const file = path.join(temporaryFolder(), 'a.json')
  // Ended and waited for, so that no process has its number.
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  for (const name of [
    `a.json.${gone}.tmp`,
    `b.json.${gone}.tmp`,
    `a.json.${process.ppid}.tmp`,
    'a.json.x.tmp',
  ])
    fs.writeFileSync(path.join(path.dirname(file), name), 'half')
  writeJson(file, { n: 1 })
  const left = ['a.json', `a.json.${process.ppid}.tmp`, 'a.json.x.tmp', `b.json.${gone}.tmp`]
  expect(fs.readdirSync(path.dirname(file)).sort()).toEqual(left.sort())
})

test('a write that fails in the middle leaves the old', () => {
  const file = path.join(temporaryFolder(), 'a.json')
  writeJson(file, { n: 1 })
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  for (const step of ['writeFileSync', 'renameSync'] as const) {
    const broken = vi.spyOn(fs, step).mockImplementation(() => {
      throw full
    })
    expect(() => writeJson(file, { n: 22 })).toThrow(
      expect.objectContaining({ data: { code: 'disk/full', path: file, needed: 13 } }) as Error,
    )
    broken.mockRestore()
  }
  expect(readJson(file, Thing, sound)).toEqual({ n: 1 })
  expect(fs.readdirSync(path.dirname(file))).toEqual(['a.json'])
})

test.each([
  ['{"n": 1', 'it is not JSON'],
  ['', 'it is not JSON'],
  ['{"n": "one"}', 'n: '],
  ['null', 'the file: '],
  [undefined, 'a folder lies where the file should be'],
])('a damaged file (%j) is told with the reason, an absent one is none', (text, why) => {
  const file = path.join(temporaryFolder(), 'a.json')
  if (text === undefined) fs.mkdirSync(file)
  else fs.writeFileSync(file, text)
  const told = vi.fn()
  expect(readJson(file, Thing, told)).toBeUndefined()
  expect(told).toHaveBeenCalledExactlyOnceWith(file, expect.stringContaining(why))
  expect(readJson(`${file}.none`, Thing, sound)).toBeUndefined()
})

test('a folder is read by name; what is damaged, of another name or no JSON is left out; none is empty', () => {
  const folder = temporaryFolder()
  for (const [name, text] of [
    ['a.json', '{"id":"a"}'],
    ['b.json', '{'],
    ['c.json', '{"id":"c"}'],
    ['d.txt', '{"id":"d"}'],
    ['e.json', '{"id":"a"}'],
  ] as const)
    fs.writeFileSync(path.join(folder, name), text)
  const told: string[] = []
  expect([...readJsonFolder(folder, Named, (file) => void told.push(path.basename(file)))]).toEqual([
    ['a', { id: 'a' }],
    ['c', { id: 'c' }],
  ])
  expect(told).toEqual(['b.json', 'e.json'])
  expect(readJsonFolder(path.join(folder, 'nowhere'), Named, sound).size).toBe(0)
})

test.each([
  ['ENOSPC', 'disk/full'],
  ['EDQUOT', 'disk/full'],
  ['EACCES', 'disk/denied'],
  ['EPERM', 'disk/denied'],
  ['EROFS', 'disk/denied'],
  ['ENOENT', 'disk/failed'],
  ['EIO', 'disk/failed'],
])('%s is %s', (code, expected) => {
  const error = diskError(Object.assign(new Error('why'), { code }), '/a', 7)
  expect(error).toMatchObject({ code: expected, data: { path: '/a' } })
})

test('what is an error of ours already stays as it is', () => {
  const own = new PareError('data/empty', { path: '/a' })
  expect(diskError(own, '/b')).toBe(own)
})

test('ids are not repeated and fit in a file name', () => {
  const ids = Array.from({ length: 1000 }, newId)
  expect(new Set(ids).size).toBe(1000)
  expect(ids.every((id) => /^[0-9a-f]{20}$/.test(id))).toBe(true)
})
