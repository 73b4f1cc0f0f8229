import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { candidateFiles, placeCandidate, stageCandidate } from '../../../src/engine/run/candidate-files'

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
