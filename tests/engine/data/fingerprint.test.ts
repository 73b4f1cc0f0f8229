import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { fingerprint } from '../../../src/engine/data/fingerprint'
import { temporaryFolder, write } from './support'

test('a fingerprint changes with each name and byte, not with place, time or order of listing', async () => {
  const files = { 'a/1.csv': 'x,y', 'a/2.csv': 'z', b: '' }
  const [one, other] = [write(temporaryFolder(), files), write(temporaryFolder(), files)]
  const first = await fingerprint(one)
  expect(first).toMatch(/^sha256:[0-9a-f]{64}$/)
  fs.utimesSync(path.join(other, 'b'), 1, 1)
  expect(await fingerprint(other)).toBe(first)
  const seen = new Set([first])
  const changes: Record<string, string>[] = [{ 'a/1.csv': 'x,z' }, { 'a/3.csv': 'z' }, { b: 'z' }]
  for (const change of changes) {
    write(other, change)
    seen.add(await fingerprint(other))
  }
  expect(seen.size).toBe(4)
  expect(await fingerprint(path.join(one, 'a/2.csv'))).not.toBe(await fingerprint(path.join(one, 'a/1.csv')))
})

test('of large data the ends and the middle of each file are read', async () => {
  const root = temporaryFolder()
  const file = path.join(root, 'large')
  fs.writeFileSync(file, 'head')
  fs.truncateSync(file, 2 ** 29)
  const before = await fingerprint(root)
  expect(before).toMatch(/^sampled:/)
  const handle = fs.openSync(file, 'r+')
  fs.writeSync(handle, 'x', 2 ** 29 - 1)
  fs.closeSync(handle)
  expect(await fingerprint(root)).not.toBe(before)
})
