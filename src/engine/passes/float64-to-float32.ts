import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { formatBytes } from '../../contract/format'
import { exampleFeeds } from '../data/feeds'
import { compareOutputs } from '../evaluate/comparison/outputs'
import { beyondFloat32, narrow } from '../layers/normalize/widen'
import { encodedLength, type Model } from '../onnx'
import { definePass, type PassContext, type PassResult } from './pass'

const ID = 'float64-to-float32'

/** A model that answers further off than this, relative to its largest answer, needs its double precision. */
const TOLERANCE = 1e-2

const ROWS = 4

const doubles = (model: Model): number =>
  [...model.constants()].filter(({ tensor }) => tensor.dtype === 'float64').length

async function round(model: Model, context: PassContext): Promise<PassResult> {
  const count = doubles(model)
  const ports = [...model.graph.requiredInputs, ...model.graph.outputs].filter(
    ({ dtype }) => dtype === 'float64',
  )
  if (count + ports.length === 0)
    throw new PareError('model/nothing-to-do', { by: ID, reason: 'nothing in the model is float64' })
  const beyond = beyondFloat32(model)
  if (beyond) throw new PareError('pass/failed', { pass: ID, node: beyond.name, reason: beyond.reason })
  const result = model.clone()
  narrow(result)
  context.progress(0.3, 'comparing answers in both precisions')
  const feeds = await exampleFeeds({ ...context, original: model }, ROWS)
  const { relative, output } = await compareOutputs(model, result, feeds)
  if (!(relative <= TOLERANCE)) {
    const by = Number.isFinite(relative)
      ? `changes by ${relative.toPrecision(2)} of its size`
      : 'is another one'
    throw new PareError('pass/failed', {
      pass: ID,
      node: output,
      reason: `in float32 the output “${output}” ${by}, so the model needs double precision`,
    })
  }
  const [before, after] = [encodedLength(model), encodedLength(result)]
  const casts = ports.length > 0 ? `; ${ports.map(({ name }) => name).join(', ')} stay float64 outside` : ''
  return {
    model: result,
    summary: `${count} constants rounded to float32, ${formatBytes(before)} → ${formatBytes(after)}; the largest change of an output is ${relative.toExponential(1)} of its size${casts}.`,
  }
}

export const float64ToFloat32 = definePass({
  id: ID,
  title: 'Double to single precision',
  term: 'float64 to float32',
  family: 'precision',
  role: 'adapts',
  summary:
    'Computes and stores in float32 what the model has in float64: half the size, and layers that other passes can work on. Inputs and outputs keep their type; answers are compared.',
  sources: ['IEEE 754 binary32', 'ONNX Cast'],
  params: z.object({}),
  run: (model, _, context) => round(model, context),
})
