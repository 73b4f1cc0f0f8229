import fs from 'node:fs'
import os from 'node:os'
import { expect, test } from 'vitest'
import { diskBudget, MEMORY_BUDGET, requireDisk, requireMemory } from '../../../src/engine/onnx/budget'

test('memory: half of what is free, and at least what an engine needs', () => {
  expect(MEMORY_BUDGET).toBeLessThanOrEqual(Math.max(2 ** 29, os.totalmem() / 2))
  // Others take and give back meanwhile; macOS does not tell what is free.
  if (process.platform !== 'darwin')
    expect(MEMORY_BUDGET).toBeLessThan(Math.max(2 ** 29, process.availableMemory() / 2) * 2)
  expect(MEMORY_BUDGET).toBeGreaterThan(0)
  expect(() => requireMemory(MEMORY_BUDGET, 'a tensor')).not.toThrow()
  expect(() => requireMemory(MEMORY_BUDGET + 1, 'a tensor')).toThrow(
    expect.objectContaining({ code: 'limit/memory' }),
  )
})

test('disk: half of what is free where the files go', () => {
  const folder = os.tmpdir()
  const { bavail, bsize } = fs.statfsSync(folder)
  const budget = diskBudget(folder)
  // Others write at the same time.
  expect(Math.abs(budget / ((bavail * bsize) / 2) - 1)).toBeLessThan(0.1)
  expect(() => requireDisk(1, 'a file', folder)).not.toThrow()
  expect(() => requireDisk(2 * budget + 2 ** 40, 'a file', folder)).toThrow(
    expect.objectContaining({ code: 'limit/disk', data: expect.objectContaining({ path: folder }) }),
  )
})
