import { InferenceSession } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { REFERENCE_MODELS, reference } from '../../reference'
import { encodeModel, readModel } from '../../../src/engine/onnx'
const dir = reference('models')
test.each(REFERENCE_MODELS.map((m) => m + '.onnx'))('%s', async (f) => {
  const m = readModel(`${dir}/${f}`)
  const s = await InferenceSession.create(encodeModel(m))
  expect(s.inputNames.length).toBeGreaterThan(0)
  await s.release()
})
