import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Tensor, writeModel } from '../../../src/engine/onnx'
import { stampOfAll, unchanged } from '../../../src/engine/run/unchanged'
import { tinyModel } from './support'

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
    const check = unchanged(model, [data])
    fs.readFileSync(model)
    expect(check).not.toThrow()
  })

  test.each([
    ['replaced by a file of the same size', () => fs.renameSync(data, model)],
    ['written over', () => fs.writeFileSync(model, 'another')],
    ['deleted', () => fs.rmSync(model)],
  ])('a model that is %s is told by its name', (_, change) => {
    fs.writeFileSync(data, 'MODEL')
    const check = unchanged(model, [data])
    change()
    expect(check).toThrow(
      expect.objectContaining({
        code: 'model/changed-on-disk',
        data: expect.objectContaining({ file: model }),
      }),
    )
  })

  test('data that is gone is told by its name; random inputs cannot be gone', () => {
    const check = unchanged(model, [data])
    const random = unchanged(model)
    fs.rmSync(data)
    expect(check).toThrow(
      expect.objectContaining({ code: 'data/gone', data: expect.objectContaining({ path: data }) }),
    )
    expect(random).not.toThrow()
  })

  test('of a folder every file counts, below as well; what comes to it, and what the run itself writes, does not', () => {
    const images = path.join(folder, 'images')
    const [cat, own] = [path.join(images, 'cat', '1.png'), path.join(images, 'out')]
    for (const file of [cat, path.join(own, 'report.json')]) {
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, 'before')
    }
    const check = unchanged(model, [images], [own, undefined])
    fs.writeFileSync(path.join(own, 'report.json'), 'written by the run')
    fs.writeFileSync(path.join(images, 'cat', '2.png'), 'new')
    expect(check).not.toThrow()
    fs.rmSync(cat)
    expect(check).toThrow(expect.objectContaining({ data: { code: 'data/gone', path: cat } }))
  })

  test('weights beside the model are the model', () => {
    const net = tinyModel()
    net.graph.initializers.set('extra', Tensor.float32([600], new Float32Array(600).fill(1)))
    writeModel(net, model, { externalData: 'always' })
    const check = unchanged(model)
    fs.appendFileSync(`${model}.data`, 'x')
    expect(check).toThrow(
      expect.objectContaining({ data: { code: 'model/changed-on-disk', file: `${model}.data` } }),
    )
  })
})

test('a stamp of data changes with any file of a folder, and is none where nothing is', () => {
  const images = path.join(folder, 'images', 'cat')
  fs.mkdirSync(images, { recursive: true })
  fs.writeFileSync(path.join(images, '1.png'), 'before')
  const seen = [stampOfAll(path.dirname(images))]
  expect(stampOfAll(path.dirname(images))).toBe(seen[0])
  for (const change of [
    () => fs.writeFileSync(path.join(images, '1.png'), 'longer than before'),
    () => fs.writeFileSync(path.join(images, '2.png'), ''),
    () => fs.renameSync(path.join(images, '2.png'), path.join(images, '3.png')),
  ]) {
    change()
    seen.push(stampOfAll(path.dirname(images)))
  }
  expect(new Set(seen).size).toBe(4)
  const [before] = [stampOfAll(data)]
  fs.writeFileSync(data, 'other')
  expect(stampOfAll(data)).not.toBe(before)
  expect(stampOfAll(path.join(folder, 'nowhere'))).toBeUndefined()
})
