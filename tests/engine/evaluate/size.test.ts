import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import zlib from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deflatedBytes, modelSize } from '../../../src/engine/evaluate/size'
import { readModel, Tensor, writeModel } from '../../../src/engine/onnx'
import { wires } from './support'

let folder = ''
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-size-'))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

it('counts external data with the model', async () => {
  const model = wires({ x: { dims: ['N', 2] } })
  model.graph.initializers.set('w', Tensor.float32([5000], new Float32Array(5000)))
  const file = path.join(folder, 'model.onnx')
  const written = writeModel(model, file, { externalData: 'always' })
  const size = modelSize(readModel(file))
  expect(size.files).toEqual(written.files)
  expect(size.bytes).toBe(fs.statSync(file).size + 20_000)
  const expected = size.files.reduce(
    (sum, one) => sum + zlib.deflateRawSync(fs.readFileSync(one), { level: 9 }).length,
    0,
  )
  expect(await deflatedBytes(size.files)).toBe(expected)
})

it('says which file is absent, and stops when cancelled', async () => {
  const absent = path.join(folder, 'absent.onnx')
  const model = wires({ x: { dims: [1] } })
  model.file = absent
  expect(() => modelSize(model)).toThrow(expect.objectContaining({ code: 'data/not-found' }))
  await expect(deflatedBytes([path.join(folder, 'model.onnx')], AbortSignal.abort())).rejects.toMatchObject({
    code: 'cancelled',
  })
})
