import { z } from 'zod'
import { PareError, errorData } from '../../contract/errors'
import { exampleFeeds } from '../data/feeds'
import { differenceOf } from '../evaluate/comparison/outputs'
import type { Model } from '../onnx'
import {
  feedOf,
  moveAxis,
  openRunner,
  randomFeeds,
  samplesIn,
  samplesOf,
  signatureOf,
  traceShapes,
  withSession,
  type Values,
} from '../runtime'
import { withFreeBatch } from './shapes/free-batch'
import { optimizedByRuntime } from './simplify/runtime-basic'
import { definePass, type PassContext, type PassResult } from './pass'

const ID = 'free-batch'

/** Runs that the answers are compared over; no small power of two, so that axes are not taken for one another. */
const ROWS = 3

/** Kernels may add up in another order with more samples. */
const TOLERANCE = 1e-4

const cannot = (node: string, reason: string, cause?: unknown): PareError =>
  new PareError('pass/failed', { pass: ID, node, reason }, { cause })

/** Random samples, and some of the data where there is any: enough to fill the fixed batch `ROWS` times. */
async function samplesFor(model: Model, batch: number, context: PassContext): Promise<Values[]> {
  const free = await withFreeInputs(model)
  const random = samplesOf(signatureOf(free), randomFeeds(free, { batch: ROWS * batch, seed: 7 }))
  if (!context.data) return [random]
  return [
    random,
    samplesOf(signatureOf(free), await exampleFeeds({ ...context, original: free }, ROWS * batch)),
  ]
}

/** The inputs as they will be, for whoever makes feeds by them. */
async function withFreeInputs(model: Model): Promise<Model> {
  return withFreeBatch(model, signatureOf(model), new Map())
}

/** What the fixed model answers, sample by sample. */
async function answersOf(model: Model, samples: readonly Values[]): Promise<Values[]> {
  const runner = await openRunner(model, { optimization: 'disabled' })
  try {
    const answers: Values[] = []
    for (const some of samples) answers.push(await runner.run(some))
    return answers
  } finally {
    await runner.release()
  }
}

/** Throws `pass/failed` where all samples in one run do not answer as they do alone. */
async function prove(free: Model, samples: readonly Values[], answers: readonly Values[]): Promise<void> {
  const signature = signatureOf(free)
  const without = signature.inputs.filter(({ dims, batchAxis }) => batchAxis === null && dims.length > 0)
  if (signature.batch !== undefined) {
    const names = without.map(({ name }) => `“${name}”`).join(', ')
    throw cannot(without[0]?.name ?? '', `no axis of ${names} can be told to count samples`)
  }
  await withSession(free, { optimization: 'disabled' }, async (session) => {
    for (const [i, some] of samples.entries()) {
      const outputs = await session.run(feedOf(signature, some)).catch((cause: unknown) => {
        const data = errorData(cause)
        const reason = 'reason' in data ? data.reason : data.code
        throw cannot('', `with ${samplesIn(some)} samples at once ONNX Runtime says: ${reason}`, cause)
      })
      for (const { name, batchAxis } of signature.outputs) {
        const value = outputs[name]
        if (!value) continue
        const rows = batchAxis !== null && value.dims[batchAxis] === samplesIn(some)
        if (!rows) throw cannot(name, `the output “${name}” does not hold one answer a sample`)
        if (!(differenceOf(answers[i]![name]!, moveAxis(value, batchAxis, 0)) <= TOLERANCE))
          throw cannot(name, `in the output “${name}” samples that run together change each other's answers`)
      }
    }
  })
}

async function freeBatch(model: Model, context: PassContext): Promise<PassResult> {
  const { batch, inputs } = signatureOf(model)
  if (batch === undefined)
    throw new PareError('model/nothing-to-do', { by: ID, reason: 'its batch is free already' })
  if (inputs.every(({ batchAxis }) => batchAxis === null))
    throw cannot('', 'no input has an axis that could count samples')
  const samples = await samplesFor(model, batch, context)
  const answers = await answersOf(model, samples)
  let refusal: unknown
  // Sizes that the graph computes are constants only once ONNX Runtime has folded them.
  for (const prepare of [() => model, () => optimizedByRuntime(model, context.scratch)]) {
    const from = await prepare()
    if ('reason' in from) continue
    try {
      const free = withFreeBatch(from, signatureOf(from), await traceShapes(from))
      context.progress(0.5, 'comparing answers sample by sample')
      await prove(free, samples, answers)
      return {
        model: free,
        summary: `The batch of ${batch} is free now: ${samples.reduce((sum, some) => sum + samplesIn(some), 0)} samples, run together, answer as they did ${batch === 1 ? 'one by one' : `in runs of ${batch}`}.`,
      }
    } catch (cause) {
      if (cause instanceof PareError && cause.code === 'cancelled') throw cause
      refusal ??= cause
    }
  }
  const data = errorData(refusal)
  if (data.code === 'model/not-loadable')
    throw cannot('', `with a free batch ONNX Runtime says: ${data.reason}`, refusal)
  throw refusal
}

export const freeBatchPass = definePass({
  id: ID,
  title: 'Free the batch',
  term: 'dynamic batch',
  family: 'clean-up',
  role: 'adapts',
  changes: 'sizes',
  summary:
    'Lets a model with a fixed batch take any number of samples: sizes of the batch written into the graph are rewritten, and answers are compared sample by sample. Measuring and calibrating then go many samples at a time.',
  sources: ['ONNX Reshape', 'ONNX Resize', 'ONNX LSTM'],
  params: z.object({}),
  run: (model, _, context) => freeBatch(model, context),
})
