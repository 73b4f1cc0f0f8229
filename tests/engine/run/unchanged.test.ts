import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { unchanged } from '../../../src/engine/run/unchanged'

let folder: string
let model: string
let data: string
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-same-'))
  model = path.join(folder, 'net.onnx')
  data = path.join(folder, 'data.csv')
  fs.writeFileSync(model, 'model')
  fs.writeFileSync(data, 'data')
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

describe('what a run was started with', () => {
  test('may be read and touched by nobody', () => {
    const check = unchanged(model, data)
    fs.readFileSync(model)
    expect(check).not.toThrow()
  })

  test.each([
    ['replaced by a file of the same size', () => fs.renameSync(data, model)],
    ['written over', () => fs.writeFileSync(model, 'another')],
    ['deleted', () => fs.rmSync(model)],
  ])('a model that is %s is told by its name', (_, change) => {
    fs.writeFileSync(data, 'MODEL')
    const check = unchanged(model, data)
    change()
    expect(check).toThrow(
      expect.objectContaining({
        code: 'model/changed-on-disk',
        data: expect.objectContaining({ file: model }),
      }),
    )
  })

  test('data that is gone is told by its name; random inputs cannot be gone', () => {
    const check = unchanged(model, data)
    const random = unchanged(model)
    fs.rmSync(data)
    expect(check).toThrow(
      expect.objectContaining({ code: 'data/gone', data: expect.objectContaining({ path: data }) }),
    )
    expect(random).not.toThrow()
  })
})
