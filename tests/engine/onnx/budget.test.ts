import fs from 'node:fs'
import os from 'node:os'
import { expect, test } from 'vitest'
import { diskBudget, MEMORY_BUDGET, requireDisk, requireMemory } from '../../../src/engine/onnx/budget'

test('memory: between a quarter and half of the machine', () => {
  expect(MEMORY_BUDGET).toBeLessThanOrEqual(os.totalmem() / 2)
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
