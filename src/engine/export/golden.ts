/** A few samples with their outputs, by which a device can check that it computes the same. */
import { PareError } from '../../contract/errors'
import type { Dataset } from '../data/dataset'
import { feedsFor } from '../data/feeds'
import { openRunner } from '../evaluate/runner'
import { isFloat, type Model } from '../onnx'
import { randomFeeds } from '../runtime/feeds'
import { withSession, type SessionOptions } from '../runtime/session'
import { floatsOf, type Values } from '../runtime/value'

export interface GoldenSample {
  /** Position in the validation split; absent for random inputs. */
  index?: number
  /** As the model takes them, its fixed batch included. */
  inputs: Values
  outputs: Values
}

export interface Golden {
  samples: GoldenSample[]
  /** Largest absolute difference a device may show, by output. */
  tolerance: Record<string, number>
}

export interface GoldenRequest {
  /** The bundle's own files. */
  onnx: string
  ort?: string
  model: Model
  /** Random inputs where there is none. */
  dataset?: Dataset
  count: number
  session: SessionOptions
  /** It multiplies in integers, whose rounding differs between processors. */
  integer: boolean
}

/** A device may differ by this share of an output's largest magnitude. */
const FLOAT_SHARE = 1e-3
const INTEGER_SHARE = 0.02

/** Samples above this many bytes in all are left out, but for the first. */
const BYTES_LIMIT = 8 * 2 ** 20

/** Throws `model/non-finite` where the model does not answer a sample with finite numbers. */
export async function makeGolden(request: GoldenRequest): Promise<Golden> {
  const { onnx, ort, model, session, integer } = request
  const samples: GoldenSample[] = []
  // Text has no tolerance and no place in an NPY file.
  const names = model.graph.outputs.flatMap(({ name, dtype }) => (dtype && dtype !== 'string' ? [name] : []))
  const runner = await openRunner(onnx, session)
  try {
    let bytes = 0
    for await (const { index, inputs } of inputsOf(request)) {
      const outputs = await runner.run(inputs, runner.fixedBatch ?? 1, names)
      for (const [name, value] of Object.entries(outputs))
        if (isFloat(value.dtype) && floatsOf(value).some(Number.isNaN))
          throw new PareError('model/non-finite', { tensor: name, by: 'export' })
      bytes += sizeIn(inputs) + sizeIn(outputs)
      if (samples.length > 0 && bytes > BYTES_LIMIT) break
      samples.push({ index, inputs, outputs })
    }
  } finally {
    await runner.release()
  }
  const tolerance: Record<string, number> = {}
  for (const { name, dtype } of model.graph.outputs) {
    if (!dtype || dtype === 'string') continue
    const magnitude = Math.max(0, ...samples.map(({ outputs }) => largest(floatsOf(outputs[name]!))))
    tolerance[name] = isFloat(dtype) ? magnitude * (integer ? INTEGER_SHARE : FLOAT_SHARE) + 1e-6 : 0
  }
  // What this machine already shows between its own ways to run the model, a device may show fourfold.
  await widen(onnx, { ...session, optimization: 'disabled' }, samples, tolerance)
  if (ort) await widen(ort, session, samples, tolerance)
  return { samples, tolerance }
}

async function* inputsOf(request: GoldenRequest): AsyncIterable<{ index?: number; inputs: Values }> {
  const { dataset, model, count } = request
  if (!dataset) {
    for (let seed = 0; seed < count; seed++) yield { inputs: randomFeeds(model, { seed }) }
    return
  }
  const split = dataset.splits.validation
  for await (const { indices, inputs } of split.batches(1, { limit: count }))
    yield { ...(dataset.kind !== 'random' && { index: indices[0] }), inputs: feedsFor(model, inputs) }
}

async function widen(
  file: string,
  options: SessionOptions,
  samples: readonly GoldenSample[],
  tolerance: Record<string, number>,
): Promise<void> {
  await withSession(file, options, async (session) => {
    for (const { inputs, outputs } of samples) {
      const again = await session.run(inputs, Object.keys(tolerance))
      for (const name of Object.keys(tolerance)) {
        const difference = largestDifference(floatsOf(outputs[name]!), floatsOf(again[name]!))
        tolerance[name] = Math.max(tolerance[name]!, 4 * difference)
      }
    }
  })
}

const sizeIn = (values: Values): number =>
  Object.values(values).reduce((sum, { data }) => sum + (Array.isArray(data) ? 0 : data.byteLength), 0)

function largest(data: Float32Array): number {
  let most = 0
  for (const value of data) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value))
  return most
}

/** Equal infinities are equal. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  let most = a.length === b.length ? 0 : Infinity
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}
