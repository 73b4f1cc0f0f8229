import { readdirSync } from 'node:fs'
import { InferenceSession } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { encodeModel, readModel } from '../../../src/engine/onnx'
const dir = '../shared/reference/models'
test.each(readdirSync(dir))('%s', async (f) => {
  const m = readModel(`${dir}/${f}`)
  const s = await InferenceSession.create(encodeModel(m))
  expect(s.inputNames.length).toBeGreaterThan(0)
  await s.release()
})
