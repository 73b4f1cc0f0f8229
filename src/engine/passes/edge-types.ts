import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { plural } from '../../contract/format'
import { exampleFeeds } from '../data/feeds'
import type { Model, ValueInfo } from '../onnx'
import {
  floatsOf,
  openRunner,
  samplesOf,
  signatureOf,
  type Signature,
  type Value,
  type Values,
} from '../runtime'
import { toFile } from '../runtime/edge'
import { differenceOf } from '../evaluate/comparison/outputs'
import { retype, type EdgeType, type Side } from './edge/ports'
import { definePass, type PassContext, type PassResult } from './pass'

const ID = 'edge-types'

const ROWS = 4

/** Nothing is computed otherwise, but ONNX Runtime may leave out a Cast to half precision and back. */
const toleranceOf = (signature: Signature): number =>
  [...signature.inputs, ...signature.outputs].some(
    ({ dtype, edge }) => dtype === 'float16' || edge?.dtype === 'float16',
  )
    ? 2e-3
    : 1e-5

const params = z.object({
  inputs: z
    .enum(['keep', 'float32', 'float16', 'float64', 'uint8', 'int8', 'codes'])
    .default('float32')
    .meta({
      label: 'Inputs',
      help: '"codes" takes away the operator that quantizes an input first: the caller gives the 8-bit codes, by the scale in the manifest. uint8 and int8 take whole numbers as they are, such as pixels of 0 to 255.',
    }),
  outputs: z.enum(['keep', 'float32', 'float16', 'float64', 'codes']).default('float32').meta({
    label: 'Outputs',
    help: '"codes" gives an output of a quantized model as its 8-bit codes, with the scale in the manifest.',
  }),
  names: z.array(z.string()).default([]).meta({
    label: 'Only these',
    help: 'Names of inputs and outputs; all without any.',
    advanced: true,
  }),
})

type Params = z.output<typeof params>

interface Port {
  side: Side
  info: ValueInfo
  to: EdgeType
}

/** Ports that are numbers and asked for; throws `pass/bad-parameter` for a name that is none. */
function portsOf({ graph }: Model, asked: Params): Port[] {
  const all = [
    ...graph.requiredInputs.map((info) => ({ side: 'inputs' as const, info })),
    ...graph.outputs.map((info) => ({ side: 'outputs' as const, info })),
  ]
  const unknown = asked.names.find((name) => !all.some(({ info }) => info.name === name))
  if (unknown !== undefined)
    throw new PareError('pass/bad-parameter', {
      pass: ID,
      parameter: 'names',
      reason: `the model has no input or output “${unknown}”`,
    })
  return all.flatMap(({ side, info }) => {
    const to = asked[side]
    const isAsked =
      asked.names.length > 0 ? asked.names.includes(info.name) : /float|^u?int8$/.test(info.dtype ?? '')
    return isAsked && to !== 'keep' ? [{ side, info, to }] : []
  })
}

async function change(original: Model, asked: Params, context: PassContext): Promise<PassResult> {
  const model = original.clone()
  const states = new Set(signatureOf(model).inputs.flatMap(({ name, state }) => (state ? [name, state] : [])))
  const ports = portsOf(model, asked)
  const skipped: { layer: string; reason: string }[] = []
  const changed: string[] = []
  for (const { side, info, to } of ports) {
    const other = asked[side === 'inputs' ? 'outputs' : 'inputs']
    const isTorn = states.has(info.name) && (to === 'codes' || to !== other)
    const outcome = isTorn
      ? 'a state that goes from run to run comes out in the type that it goes in'
      : retype(model, side, info, to)
    if (outcome === 'done') {
      const now = model.graph[side].find(({ name }) => name === info.name)!.dtype!
      changed.push(`${info.name} (${info.dtype} → ${now})`)
    } else if (outcome !== undefined) skipped.push({ layer: info.name, reason: outcome })
  }
  if (changed.length === 0) {
    const [first] = skipped
    const reason = first
      ? `“${first.layer}” stays: ${first.reason}`
      : 'its inputs and outputs of numbers have these types already'
    throw new PareError('model/nothing-to-do', { by: ID, reason })
  }
  context.progress(0.4, 'comparing answers')
  await prove(original, model, context)
  return {
    model,
    summary: `${plural(changed.length, 'input or output', 'inputs and outputs')} changed: ${changed.join(', ')}; run side by side, both models answer alike.`,
    skipped,
  }
}

/** Throws `pass/failed` where the model answers otherwise on what its file can take. */
async function prove(original: Model, model: Model, context: PassContext): Promise<void> {
  const signature = signatureOf(model)
  const tolerance = toleranceOf(signature)
  // What the file cannot hold is rounded away before either model sees it.
  const samples = samplesOf(signature, await exampleFeeds({ ...context, original: model }, ROWS))
  const before = await answersOf(original, samples)
  const after = await answersOf(model, samples)
  for (const port of signature.outputs) {
    const [was, is] = [before[port.name], after[port.name]]
    if (!was || !is) continue
    const [expected, given] = [toFile(was, port.edge), toFile(is, port.edge)]
    const failed = (reason: string): PareError =>
      new PareError('pass/failed', { pass: ID, node: port.name, reason })
    if (isFinite(was) && !isFinite(expected))
      throw failed(`the output “${port.name}” reaches numbers that ${port.edge!.dtype} does not hold`)
    if (!(differenceOf(expected, given) <= tolerance))
      throw failed(`with other types the output “${port.name}” is another one`)
  }
}

async function answersOf(model: Model, samples: Values): Promise<Values> {
  const runner = await openRunner(model, { optimization: 'disabled' })
  try {
    return await runner.run(samples)
  } finally {
    await runner.release()
  }
}

const isFinite = (value: Value): boolean =>
  value.dtype === 'string' || floatsOf(value).every((x) => Number.isFinite(x))

export const edgeTypesPass = definePass({
  id: ID,
  title: 'Types of inputs and outputs',
  term: 'I/O data types',
  family: 'precision',
  role: 'adapts',
  changes: 'types',
  summary:
    'Gives inputs and outputs the type that an application has its data in: float32 where a model wants half or double precision, half precision, bytes, or the 8-bit codes of a quantized model without an operator at its edge. What is inside stays, and answers are compared.',
  sources: ['ONNX Cast', 'ONNX QuantizeLinear', 'ai.google.dev/edge/litert, integer-only quantization'],
  params,
  run: change,
})
