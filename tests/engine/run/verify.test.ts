import path from 'node:path'
import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/engine/data/dataset'
import { writeModel, type Model, type ValueInfo } from '../../../src/engine/onnx'
import { float32 } from '../../../src/engine/runtime'
import { outputCheck } from '../../../src/engine/run/verify'
import { Net } from '../passes/pruning/build'
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

test('a state whose samples lay on an axis that is fixed to one now answers as before', async () => {
  const net = new Net()
  const [x, h] = [net.input('x', ['batch', 4]), net.input('h', [2, 'batch', 4])]
  const y = net.output(net.relu(x), 2)
  const original = y.output(net.op('Add', [h, x]), 3).done()
  const fixed = original.clone()
  const one = (info: ValueInfo): ValueInfo => ({
    ...info,
    dims: info.dims!.map((dim, axis) => (dim === 2 ? 2 : axis === info.dims!.length - 1 ? 4 : 1)),
  })
  fixed.graph.inputs = fixed.graph.inputs.map(one)
  fixed.graph.outputs = fixed.graph.outputs.map(one)
  const batches = async function* (): AsyncIterable<unknown> {
    yield {
      inputs: { x: float32([4, 4], new Float32Array(16)), h: float32([4, 2, 4], new Float32Array(32)) },
    }
  }
  const split = { batches, length: 4 }
  const data = { splits: { calibration: split, training: split, validation: split } } as unknown as Dataset
  const [before, after] = [original, fixed].map(
    (model, i) => writeModel(model, path.join(temporaryFolder(), `${i}.onnx`)).files[0]!,
  )
  const check = await outputCheck(before!, data, {})
  await expect(check(after!, 'fix-shapes')).resolves.toBeUndefined()
})
