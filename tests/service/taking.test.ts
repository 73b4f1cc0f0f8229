/** Files that come to a project: each goes where its content belongs. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Core } from '../../src/service/core'
import { FileStore } from '../../src/service/files'
import type { Loader } from '../../src/service/loading'
import type { ProjectRecord } from '../../src/service/records'
import { takeFiles } from '../../src/service/taking'

const SPEC = { task: 'events', preprocessing: { scale: 2 } } as const

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
  const loader = { changed: (_: ProjectRecord, part: string) => begun.push(part) }
  const take = (named: Record<string, string>) => {
    const ids = Object.entries(named).map(([name, content]) => {
      fs.writeFileSync(path.join(folder, name), content)
      return files.adopt(path.join(folder, name)).id
    })
    return takeFiles({ files, store } as unknown as Core, loader as unknown as Loader, 'p', ids)
  }
  return { record, begun, take }
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
