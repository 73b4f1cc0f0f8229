import fs from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import {
  chosenSession,
  forgetOpenData,
  openReference,
  withData,
  withOpenData,
} from '../../../src/engine/jobs/data'
import { npy, npz, write } from '../data/support'
import { best, COUNT, given } from './support'

afterEach(forgetOpenData)

test('shares and seed of a reference decide the splits', async () => {
  const { model, data } = given(best)
  const splits = { calibration: 0.1, validation: 0.25, seed: 3 }
  const opened = await openReference(model, { ...data, splits })
  const { calibration, training, validation } = opened.splits
  expect(calibration.length + training.length + validation.length).toBe(COUNT)
  expect(validation.length).toBeGreaterThanOrEqual(0.2 * COUNT)
  expect(validation.length).toBeLessThanOrEqual(0.3 * COUNT)
  const firstOf = async (from: Dataset): Promise<unknown> => {
    for await (const { inputs } of from.splits.validation.batches(8)) return inputs.x!.data
  }
  const again = await openReference(model, { ...data, splits })
  const other = await openReference(model, { ...data, splits: { ...splits, seed: 4 } })
  expect(await firstOf(again)).toEqual(await firstOf(opened))
  expect(await firstOf(other)).not.toEqual(await firstOf(opened))
  for (const each of [opened, again, other]) await each.close()
})

test('without a path inputs are random', async () => {
  const { model } = given()
  expect(await withData(model, {}, async ({ kind, task }) => [kind, task])).toEqual(['random', 'unlabelled'])
})

test('data is closed after use, also when the use fails', async () => {
  const { model, data } = given(best)
  const closed = vi.fn()
  const use = (opened: Dataset): Promise<void> => {
    vi.spyOn(opened, 'close').mockImplementation(async () => closed())
    return closed.mock.calls.length === 0 ? Promise.resolve() : Promise.reject(new Error('the use failed'))
  }
  await withData(model, data, use)
  expect(closed).toHaveBeenCalledTimes(1)
  await expect(withData(model, data, use)).rejects.toThrow('the use failed')
  expect(closed).toHaveBeenCalledTimes(2)
})

test('one sample after another is read from the same open data, until other data is asked for', async () => {
  const { model, data } = given(best)
  const look = (reference: typeof data) => withOpenData(model, reference, (opened) => Promise.resolve(opened))
  const first = await look(data)
  const firstClosed = vi.spyOn(first, 'close')
  expect(await look({ ...data })).toBe(first)
  expect(firstClosed).not.toHaveBeenCalled()
  const other = await look({ ...data, splits: { calibration: 0.2, validation: 0.2, seed: 1 } })
  const otherClosed = vi.spyOn(other, 'close')
  expect(other).not.toBe(first)
  expect(firstClosed).toHaveBeenCalledTimes(1)
  await forgetOpenData()
  expect(otherClosed).toHaveBeenCalledTimes(1)
  expect(await look(data), 'what was closed is opened anew').not.toBe(first)
})

test('data that could not be opened is tried again', async () => {
  const { model, folder } = given()
  const late = path.join(folder, 'late')
  const look = () => withOpenData(model, { path: late }, ({ splits }) => Promise.resolve(splits))
  await expect(look()).rejects.toMatchObject({ code: 'data/not-found' })
  fs.mkdirSync(late)
  const rows = { x: npy('<f4', [8, 4], new Float32Array(32)), y: npy('<i8', [8], new BigInt64Array(8)) }
  write(late, { 'a.npz': npz(rows) })
  const { calibration, training, validation } = await look()
  expect(calibration.length + training.length + validation.length).toBeGreaterThanOrEqual(8)
})

test('a device that is not here gives the CPU and a word why', async () => {
  expect(await chosenSession({ providers: ['cpu'], threads: 0 })).toEqual({ session: { providers: ['cpu'] } })
  expect(await chosenSession({ providers: [], threads: 3 })).toEqual({
    session: { providers: ['cpu'], threads: 3 },
  })
  const { session, word } = await chosenSession({ providers: ['abacus', 'cpu'], threads: 0 })
  expect(session.providers).toEqual(['cpu'])
  expect(word).toMatch(/^abacus cannot be used here \(.+\); the CPU is used instead\.$/)
})

test.each([
  ['data/gone', 'data.npz'],
  ['model/changed-on-disk', 'tiny.onnx'],
])('%s where a file was written to while a job worked with it, whatever came of that', async (code, name) => {
  for (const way of [withData, withOpenData])
    for (const ends of [() => 'an answer', () => Promise.reject(new Error('a reader stumbled'))]) {
      const { model, data, folder } = given(best)
      const file = path.join(folder, name)
      const work = way(model, data, async () => {
        fs.appendFileSync(file, 'x')
        return ends()
      })
      await expect(work).rejects.toMatchObject({
        code,
        data: code === 'data/gone' ? { path: file } : { file },
      })
    }
})

test('what changed between two looks is opened anew', async () => {
  const { model, data } = given(best)
  const look = () => withOpenData(model, data, (opened) => Promise.resolve(opened))
  const first = await look()
  const closed = vi.spyOn(first, 'close')
  const later = new Date(Date.now() + 5000)
  fs.utimesSync(data.path!, later, later)
  const second = await look()
  expect(second).not.toBe(first)
  expect(closed).toHaveBeenCalledOnce()
  expect(await look()).toBe(second)
})
