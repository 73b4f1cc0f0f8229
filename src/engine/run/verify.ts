/** After every pass the result must load and answer like a model of the same shape, or the pass has failed. */
import { errorData, PareError } from '../../contract/errors'
import { SPLITS } from '../../contract/dataset'
import type { Batch, Dataset } from '../data/dataset'
import { floatsOf, openRunner, type Runner, type SessionOptions, type Value } from '../runtime'

/** Enough rows to see that answers do not collapse onto one sample, few enough to cost nothing. */
const ROWS = 4

interface ExpectedOutput {
  dims: readonly number[]
  /** False where the original itself gives infinities or NaN on these inputs. */
  finite: boolean
}

/** Runs a model file and throws `pass/broke-model` where it does not answer as the original did. */
export type OutputCheck = (modelFile: string, pass: string) => Promise<void>

const isFinite = (value: Value): boolean =>
  value.dtype === 'string' || floatsOf(value).every((element) => Number.isFinite(element))

const shapeText = (dims: readonly number[]): string => `[${dims.join(', ')}]`

const wideText = (dims: readonly number[]): string => shapeText(dims.filter((size) => size !== 1))

const axisOf = ({ signature }: Runner, output: string): number | null | undefined =>
  signature.outputs.find(({ name }) => name === output)?.batchAxis

function reasonOf(cause: unknown): string {
  const error = errorData(cause)
  return 'reason' in error ? error.reason : String(cause)
}

async function firstBatch(data: Dataset): Promise<Batch> {
  for (const name of SPLITS)
    for await (const batch of data.splits[name].batches(ROWS, { limit: ROWS })) return batch
  throw new PareError('data/empty', { path: data.path })
}

/**
 * Records what the original answers to a few samples and checks others against it: same outputs, same shapes,
 * finite numbers. Throws `model/not-loadable` or `data/shape-mismatch` when the original itself does not run.
 */
export async function outputCheck(
  original: string,
  data: Dataset,
  session: SessionOptions,
): Promise<OutputCheck> {
  const { inputs } = await firstBatch(data)
  const expected = new Map<string, ExpectedOutput>()
  const runner = await openRunner(original, session)
  try {
    for (const [name, value] of Object.entries(await runner.run(inputs)))
      expected.set(name, { dims: value.dims, finite: isFinite(value) })
  } finally {
    await runner.release()
  }
  return async (modelFile, pass) => {
    const broken = (reason: string, cause?: unknown): PareError =>
      new PareError('pass/broke-model', { pass, reason }, { cause })
    const candidate = await openRunner(modelFile, session).catch((cause: unknown) => {
      throw broken(reasonOf(cause), cause)
    })
    try {
      const outputs = await candidate.run(inputs).catch((cause: unknown) => {
        throw broken(reasonOf(cause), cause)
      })
      for (const [name, { dims, finite }] of expected) {
        const value = outputs[name]
        if (!value) throw broken(`the output “${name}” is gone`)
        const varies = runner.varying.has(name)
        // Once a batch of one is fixed, the axis that counted samples may no longer be told from others.
        const text = axisOf(runner, name) === axisOf(candidate, name) ? shapeText : wideText
        if (varies ? value.dims.length !== dims.length : text(value.dims) !== text(dims))
          throw broken(
            `the output “${name}” has shape ${shapeText(value.dims)} instead of ${shapeText(dims)}`,
          )
        if (finite && !isFinite(value)) throw broken(`the output “${name}” is no longer finite`)
      }
    } finally {
      await candidate.release()
    }
  }
}
