/** What home says of a project is what the window says inside of it. */
import { expect, it } from 'vitest'
import type { ProjectRecord, RunRecord } from '../../src/service/records'
import { summarise } from '../../src/service/view'
import { original, report } from '../renderer/fake/fixtures'

const made = (id: string, downloadBytes: number, goal: object, data = 'd'): RunRecord =>
  ({
    ...{ id, goal, original, status: 'done', createdAt: '' },
    model: { name: 'net.onnx', sha256: 'm' },
    data: { key: data },
    candidates: [{ n: 1, recipe: { name: id }, report: report({ downloadBytes, bytes: downloadBytes }) }],
  }) as unknown as RunRecord

const sources = { file: () => ({ name: 'net.onnx' }), resumable: () => false }
const said = (...runs: RunRecord[]) =>
  summarise(
    { id: 'p', name: 'P', updatedAt: '', runs, exports: [] } as unknown as ProjectRecord,
    sources as unknown as Parameters<typeof summarise>[1],
  )

const preset = { kind: 'preset', preset: 'safe' }

it('names the smallest of all runs of the same model and data, not the last', () => {
  const search = { kind: 'search', maxDrop: 1, minutes: 1, target: 'any' }
  const smallest = said(made('safe', 100_000, preset), made('search', 20_000, search))
  const alone = said(made('search', 20_000, search))
  expect(smallest.result).toBe(alone.result)
  expect(smallest.points).toHaveLength(2)
})

it('leaves out what other data gave, and what missed its limits where something kept them', () => {
  const tight = { kind: 'search', maxDrop: 1, maxBytes: 10, minutes: 1, target: 'any' }
  const both = said(made('safe', 100_000, preset), made('missed', 20_000, tight))
  expect(both.result).toBe(said(made('safe', 100_000, preset)).result)
  expect(both.points!.map(({ insideLimit }) => insideLimit)).toEqual([true, false])
  expect(said(made('safe', 100_000, preset), made('other', 20_000, preset, 'e')).points).toHaveLength(1)
  expect(said().result).toBeUndefined()
})
