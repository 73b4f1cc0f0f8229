import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  candidateFiles,
  candidateParts,
  placeCandidate,
  stageCandidate,
} from '../../../src/engine/run/candidate-files'

let folder: string
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-files-'))))
afterEach(() => fs.rmSync(folder, { recursive: true }))

const write = (into: string, files: Record<string, string>): void => {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(into, name), text)
}
const OLD = {
  'model.onnx': 'old',
  'model.onnx.data': 'old',
  'recipe.json': 'old',
  'samples.json': 'old',
  'report.json': 'old',
  'report.html': 'old',
}
const NEW = { 'model.onnx': 'new', 'recipe.json': 'new', 'samples.json': 'new', 'report.json': 'new' }

test('nothing of the old candidate is left beside the new one', () => {
  write(folder, OLD)
  const staged = stageCandidate(folder)
  write(staged, NEW)
  placeCandidate(staged, folder)
  const found = fs.readdirSync(folder).sort()
  expect(found).toEqual(Object.keys(NEW).sort())
  for (const name of found) expect(fs.readFileSync(path.join(folder, name), 'utf8')).toBe('new')
  expect(candidateFiles(folder).map((file) => path.basename(file))[0]).toBe('model.onnx')
})

test('until then the old one is whole', () => {
  write(folder, OLD)
  const staged = stageCandidate(folder)
  write(staged, { 'model.onnx': 'new' })
  for (const name of Object.keys(OLD)) expect(fs.readFileSync(path.join(folder, name), 'utf8')).toBe('old')
  // What a killed run left there is not mistaken for the next one's.
  expect(fs.readdirSync(stageCandidate(folder))).toEqual([])
})

test('the report is the last to come', () => {
  const staged = stageCandidate(folder)
  write(staged, NEW)
  // A folder where the samples should go stops it half-way.
  fs.mkdirSync(path.join(folder, 'samples.json'))
  write(path.join(folder, 'samples.json'), { x: 'x' })
  expect(() => placeCandidate(staged, folder)).toThrow(expect.objectContaining({ code: 'disk/failed' }))
  expect(fs.existsSync(path.join(folder, 'report.json'))).toBe(false)
})

/** A candidate whose report and recipe say which model they are of. */
const candidate = (name: string, weights: boolean): Record<string, string> => ({
  'model.onnx': name,
  ...(weights && { 'model.onnx.data': name }),
  'recipe.json': JSON.stringify({ of: name }),
  ...(name === 'old' && { 'data-spec.json': name }),
  'samples.json': name,
  'report.json': JSON.stringify({ of: name }),
})

const read = (name: string): string | undefined => {
  const file = path.join(folder, name)
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined
}

/** Fails at the `n`-th renaming or removal, as a kill would; whether there were so many. */
function cutOff(n: number, work: () => void): boolean {
  let step = 0
  const spies = (['renameSync', 'rmSync'] as const).map((name) => {
    const original = fs[name] as (...args: unknown[]) => void
    return vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      if (++step >= n) throw new Error('killed')
      original(...args)
    })
  })
  try {
    work()
    return false
  } catch {
    return true
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

test.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])(
  'cut off anywhere it is the old candidate or the new one (weights beside: %s, then %s)',
  (before, after) => {
    const seen = new Set<string>()
    for (let n = 1; ; n++) {
      fs.rmSync(folder, { recursive: true })
      fs.mkdirSync(folder)
      write(folder, { ...candidate('old', before), 'report.html': 'old' })
      const staged = stageCandidate(folder)
      write(staged, candidate('new', after))
      const isCut = cutOff(n, () => placeCandidate(staged, folder))
      const model = read('model.onnx')
      // Two files cannot change at once: only of models with weights beside them there may be none for a moment.
      if (model === undefined) expect(before || after).toBe(true)
      else {
        const parts = candidateParts(
          folder,
          (report) => (report as { of?: string } | undefined)?.of === model,
        )
        expect(parts).toEqual({ report: { of: model }, recipe: { of: model } })
        if (before || after)
          expect(read('model.onnx.data')).toBe((model === 'old' ? before : after) ? model : undefined)
        expect([JSON.stringify({ of: model }), undefined]).toContain(read('report.json'))
        seen.add(model)
      }
      // The next run finishes what was decided.
      stageCandidate(folder)
      const whole = read('model.onnx')!
      const expected: Record<string, string> = candidate(whole, whole === 'old' ? before : after)
      if (whole === 'old') expected['report.html'] = 'old'
      expect(fs.readdirSync(folder).sort()).toEqual(['.new', ...Object.keys(expected)].sort())
      for (const [name, text] of Object.entries(expected)) expect(read(name)).toBe(text)
      if (!isCut) break
    }
    expect([...seen].sort()).toEqual(['new', 'old'])
  },
)
