import fs from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { DOCUMENTS } from '../../../src/contract/documents'
import { readModel, writeModel } from '../../../src/engine/onnx'
import { exportJobs } from '../../../src/engine/jobs/exports'
import { forgetOpenData } from '../../../src/engine/jobs/data'
import { runJobs } from '../../../src/engine/jobs/runs'
import { recordBeside } from '../../../src/engine/run/record'
import { best, given, listening } from '../jobs/support'

afterEach(forgetOpenData)

interface Kept {
  original: object
  data: object
}

const compressed = async (request: ReturnType<typeof given>, pass = 'simplify'): Promise<string> => {
  const into = path.join(request.folder, 'small')
  const recipe = {
    pare: 1 as const,
    name: 'none',
    description: '',
    steps: [{ pass, params: {} }],
  }
  const run = { folder: path.join(into, '.pare'), into, recipes: [recipe], seed: 0, resume: false }
  await runJobs.compress({ ...request, ...run }, listening())
  return path.join(into, 'model.onnx')
}

test('a compressed model knows the data it was made with, how it was read, and whether it is still that', async () => {
  const request = given(best)
  const model = await compressed(request)
  const { data } = recordBeside(model)!
  expect(data).toMatchObject({ path: request.data.path, same: true, spec: { task: 'classification' } })
  fs.appendFileSync(request.data.path!, 'x')
  expect(recordBeside(model)!.data!.same).toBe(false)
  fs.rmSync(request.data.path!)
  expect(recordBeside(model)!.data!.same).toBe(false)
})

test('a report says by which Pare, when, where and on which data it was measured; so does the bundle', async () => {
  const request = given(best)
  const model = await compressed(request)
  const beside = path.join(path.dirname(model), 'report.json')
  const read = (file: string): object => JSON.parse(fs.readFileSync(file, 'utf8')) as object
  const kept = read(beside) as { date: string; data: { fingerprint: string; spec: object } }
  expect(DOCUMENTS.report.safeParse(kept).error?.issues ?? []).toEqual([])

  const { report, original } = recordBeside(model)!
  const asked = { ...request, model, target: 'any', name: 'small', report, original }
  const out = path.join(request.folder, 'bundle')
  await exportJobs.exportBundle({ ...asked, form: 'folder', out, overwrite: false }, listening())
  const bundled = read(path.join(out, 'report.json'))
  expect(DOCUMENTS.report.safeParse(bundled).error?.issues ?? []).toEqual([])
  const { date, data } = kept
  expect(bundled).toMatchObject({ schema: 'pare-report-1', date, data: { fingerprint: data.fingerprint } })
  expect(JSON.stringify(bundled)).not.toContain(request.folder)

  // Of before reports said such things, they are read all the same, and nothing is made up for them.
  const { original: first, candidate, steps } = kept as never
  fs.writeFileSync(beside, JSON.stringify({ original: first, candidate, steps }))
  expect(recordBeside(model)!.made).toBeUndefined()
  await exportJobs.exportBundle({ ...asked, form: 'folder', out, overwrite: true }, listening())
  expect(read(path.join(out, 'report.json'))).not.toHaveProperty('schema')
})

test('what an exporter noted is in no candidate, whatever the recipe: the sizes measured are those of the bundle', async () => {
  const request = given(best)
  const noted = readModel(request.model)
  noted.graph.nodes[0]!.unknown = [
    Uint8Array.from([6 * 8 + 2, 99, ...Buffer.from('trace '.repeat(16)), 10, 9, 8]),
  ]
  writeModel(noted, request.model)
  const model = await compressed(request, 'fix-shapes')
  const { report, original } = recordBeside(model)!
  expect(report.bytes).toBeLessThan(original.bytes - 90)
  const out = path.join(request.folder, 'bundle')
  const asked = { ...request, model, target: 'any', name: 'small', report, original, out }
  await exportJobs.exportBundle({ ...asked, form: 'folder', overwrite: false }, listening())
  const bundled = JSON.parse(fs.readFileSync(path.join(out, 'report.json'), 'utf8')) as { candidate: object }
  const { bytes, downloadBytes, sha256 } = report
  expect(bundled.candidate).toMatchObject({ bytes, downloadBytes, sha256 })
})

test('made without data it knows of none', async () => {
  const request = given(best)
  const model = await compressed({ ...request, data: {} as typeof request.data })
  expect(recordBeside(model)).toMatchObject({ steps: [{ pass: 'simplify' }] })
  expect(recordBeside(model)!.data).toBeUndefined()
})

test.each([
  ['null', () => 'null'],
  ['a report that is a number', () => '{"original":5,"candidate":5}'],
  ['steps that are a number', (report: Kept) => JSON.stringify({ ...report, steps: 5 })],
  ['data at a number', (report: Kept) => JSON.stringify({ ...report, data: { ...report.data, path: 5 } })],
  [
    'no quality',
    ({ original, ...rest }: Kept) => JSON.stringify({ ...rest, original: { ...original, quality: null } }),
  ],
])('a report.json of %s is no record', async (_, damaged) => {
  const model = await compressed(given(best))
  const file = path.join(path.dirname(model), 'report.json')
  fs.writeFileSync(file, damaged(JSON.parse(fs.readFileSync(file, 'utf8')) as Kept))
  expect(recordBeside(model)).toBeUndefined()
})

test('an original that is a folder now is not there', async () => {
  const request = given(best)
  const model = await compressed(request)
  expect(recordBeside(model)!.originalThere).toBe(true)
  fs.rmSync(request.model)
  fs.mkdirSync(request.model)
  expect(recordBeside(model)!.originalThere).toBe(false)
})
