/** Every kind of model goes through the codec and the passes: right, or refused with a reason. */
import { expect, test } from 'vitest'
import { encodeModel, decodeModel } from '../../src/engine/onnx'
import { codecOutcome, tryModel } from '../../suite/kinds/onnx'
import { runModel } from '../../suite/support/judge'
import { collecting } from './collecting'
import { OWN_MODELS } from './graphs'

test.each(OWN_MODELS)('$name', { timeout: 60_000 }, async ({ model, inputs }) => {
  const bytes = encodeModel(model)
  expect(codecOutcome(bytes)).toEqual({ verdict: 'ok' })
  // What does not run here proves nothing.
  if (inputs) await runModel(model, inputs)
  const { step, faults, results } = collecting()
  await tryModel(decodeModel(bytes), inputs, step, { steps: [] })
  expect(faults()).toEqual([])
  expect(results.length).toBeGreaterThan(8)
})
