import path from 'node:path'
import { expect, test } from 'vitest'
import { writeModel, type Model } from '../../../src/engine/onnx'
import { outputCheck } from '../../../src/engine/run/verify'
import { place, scaled, temporaryFolder, tinyModel } from './support'

async function verdictOn(change: (model: Model) => Model, original = tinyModel()): Promise<unknown> {
  const { data } = await place()
  const folder = temporaryFolder()
  const before = path.join(folder, 'before.onnx')
  const after = path.join(folder, 'after.onnx')
  writeModel(original, before)
  writeModel(change(original.clone()), after)
  const check = await outputCheck(before, data, {})
  return check(after, 'Test pass').then(
    () => 'fine',
    (error: { data: unknown }) => error.data,
  )
}

test('another model of the same shape passes', async () => {
  expect(await verdictOn((model) => scaled(model, 0.5))).toBe('fine')
})

test('NaN is found and named', async () => {
  expect(await verdictOn((model) => scaled(model, NaN))).toMatchObject({
    code: 'pass/broke-model',
    pass: 'Test pass',
    reason: 'the output “y” is no longer finite',
  })
})

test('a model that was never finite is not blamed on the pass', async () => {
  expect(await verdictOn((model) => model, scaled(tinyModel(), NaN))).toBe('fine')
})

test('another shape is found', async () => {
  const transposed = (model: Model): Model => {
    model.graph.nodes[1]!.outputs[0] = 'r'
    model.graph.addNode({ opType: 'Transpose', inputs: ['r'], outputs: ['y'] })
    model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: [3, null] }]
    return model
  }
  expect(await verdictOn(transposed)).toMatchObject({
    reason: 'the output “y” has shape [4, 3, 1] instead of [4, 3]',
  })
})

test('a lost output is found', async () => {
  const renamed = (model: Model): Model => {
    model.graph.nodes[1]!.outputs[0] = 'z'
    model.graph.outputs[0]!.name = 'z'
    return model
  }
  expect(await verdictOn(renamed)).toMatchObject({ reason: 'the output “y” is gone' })
})

test('what ONNX Runtime does not load carries its reason', async () => {
  const broken = (model: Model): Model => {
    model.graph.nodes[0]!.opType = 'NoSuchOperator'
    return model
  }
  const error = (await verdictOn(broken)) as { code: string; reason: string }
  expect(error.code).toBe('pass/broke-model')
  expect(error.reason).toContain('NoSuchOperator')
})
