/** Files that come to a project: each goes where its content belongs. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Core } from '../../src/service/core'
import { FileStore } from '../../src/service/files'
import type { Loader } from '../../src/service/loading'
import type { ProjectRecord } from '../../src/service/records'
import { Graph, Model, writeModel } from '../../src/engine/onnx'
import { takeCombined, takeFiles } from '../../src/service/taking'

const SPEC = { task: 'events', preprocessing: { scale: 2 } } as const

/** The file of a model of one score a sample. */
function score(): Uint8Array {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-score-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const model = new Model()
  model.graph = new Graph()
  model.importOpset('', 17)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['N', 1] }]
  model.graph.outputs = [{ name: 'alarm', dtype: 'float32', dims: ['N', 1] }]
  model.graph.addNode({ opType: 'Sigmoid', inputs: ['x'], outputs: ['alarm'] })
  const [file] = writeModel(model, path.join(folder, 'score.onnx')).files
  return fs.readFileSync(file!)
}

/** A project as far as taking files knows one; what was begun to be read is told. */
function project() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-taking-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const files = new FileStore(path.join(folder, 'files'), () => undefined)
  const record = { id: 'p', name: 'Own name' } as ProjectRecord
  const begun: string[] = []
  const store = {
    get: () => record,
    update: (_: string, change: (one: ProjectRecord) => void) => change(record),
  }
  const loader = { changed: (_: ProjectRecord, part: string) => begun.push(part) } as unknown as Loader
  /** Jobs that the engine was given. */
  const jobs: { name: string; input: { out: string } }[] = []
  const interactive = {
    run: async (name: string, input: { out: string }) => {
      jobs.push({ name, input })
      fs.writeFileSync(input.out, score())
    },
  }
  const core = { files, store, interactive } as unknown as Core
  const take = (named: Record<string, string | Uint8Array>) => {
    const ids = Object.entries(named).map(([name, content]) => {
      fs.writeFileSync(path.join(folder, name), content)
      return files.adopt(path.join(folder, name)).id
    })
    return takeFiles(core, loader, 'p', ids)
  }
  return { core, loader, files, record, begun, jobs, take }
}

test('a data spec beside the data says how it is read', () => {
  const { record, begun, take } = project()
  const { taken, refused } = take({ 'spec.json': JSON.stringify(SPEC), 'table.csv': 'a,b\n1,2\n' })
  expect(taken.map(({ kind }) => kind)).toEqual(['dataset', 'data-spec'])
  expect(refused).toEqual([])
  expect(record.data).toMatchObject({ spec: SPEC })
  expect(begun).toEqual(['data'])
})

test('a data spec that comes later goes before what was set by hand, and the data is read again', () => {
  const { record, begun, take } = project()
  take({ 'table.csv': 'a,b\n1,2\n' })
  const { file } = record.data!
  Object.assign(record.data!, { classes: ['by', 'hand'], value: {}, splits: { calibration: 0.1 } })
  take({ 'spec.json': JSON.stringify(SPEC) })
  expect(record.data).toEqual({ file, spec: SPEC, splits: { calibration: 0.1 } })
  expect(begun).toEqual(['data', 'data'])
})

test('without data a data spec is refused with a reason', () => {
  const { record, take } = project()
  const { taken, refused } = take({ 'spec.json': JSON.stringify(SPEC) })
  expect(taken).toEqual([])
  expect(refused).toMatchObject([
    { name: 'spec.json', reason: expect.stringContaining('choose the data first') },
  ])
  expect(record.data).toBeUndefined()
})

test('of several models the first is taken, and what all of them give can become one model of the project’s own', async () => {
  const { core, loader, files, record, begun, jobs, take } = project()
  const { taken, several, refused } = take({ 'hot.onnx': score(), 'loud.onnx': score() })
  expect(taken.map(({ name }) => name)).toEqual(['hot.onnx'])
  expect(refused).toEqual([])
  expect(several!.map(({ name }) => name)).toEqual(['hot.onnx', 'loud.onnx'])
  const ids = several!.map(({ id }) => id)
  await takeCombined(core, loader, { project: 'p', files: ids, by: 'sum', weights: [0.7, 0.3] })
  expect(jobs).toMatchObject([
    { name: 'combine', input: { models: ids.map((id) => files.pathOf(id)), by: 'sum', weights: [0.7, 0.3] } },
  ])
  expect(files.get(record.model!.file)).toMatchObject({ name: 'condition.onnx', kind: 'model' })
  expect(begun).toEqual(['model', 'model'])
})

test('where models cannot be joined the project keeps the one it has, and nothing is left over', async () => {
  const { core, loader, record, take } = project()
  const { several } = take({ 'hot.onnx': score(), 'loud.onnx': score() })
  const before = { ...record.model }
  const refusal = new Error('no score')
  Object.assign(core.interactive, { run: () => Promise.reject(refusal) })
  const request = { project: 'p', files: several!.map(({ id }) => id), by: 'max' } as const
  await expect(takeCombined(core, loader, request)).rejects.toBe(refusal)
  expect(record.model).toEqual(before)
})
