import fs from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { forgetOpenData } from '../../../src/engine/jobs/data'
import { runJobs } from '../../../src/engine/jobs/runs'
import { recordBeside } from '../../../src/engine/run/record'
import { best, given, listening } from '../jobs/support'

afterEach(forgetOpenData)

const compressed = async (request: ReturnType<typeof given>): Promise<string> => {
  const into = path.join(request.folder, 'small')
  const recipe = {
    pare: 1 as const,
    name: 'none',
    description: '',
    steps: [{ pass: 'simplify', params: {} }],
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

test('made without data it knows of none', async () => {
  const request = given(best)
  const model = await compressed({ ...request, data: {} as typeof request.data })
  expect(recordBeside(model)).toMatchObject({ steps: [{ pass: 'simplify' }] })
  expect(recordBeside(model)!.data).toBeUndefined()
})
