/** A few samples with their outputs, by which a device can check that it computes the same. */
import { PareError } from '../../contract/errors'
import type { Dataset, RawSample } from '../data/dataset'
import { encodeNpy } from '../data/encode-npy'
import { isFloat, type Model } from '../onnx'
import {
  carriedStates,
  feedsFor,
  floatsOf,
  openSession,
  signatureOf,
  workingFeeds,
  type SessionOptions,
  type Values,
} from '../runtime'
import type { BundleFiles } from './files'
import type { Manifest } from './manifest'

interface GoldenSample {
  /** Position in the validation split; absent for random inputs. */
  index?: number
  /** As the model takes them, its fixed batch included. */
  inputs: Values
  /** Its states are what the sample before gave. */
  follows?: boolean
  outputs: Values
  /** The sample before Pare read it, where it has such a form. */
  raw?: RawSample
}

export interface Golden {
  samples: GoldenSample[]
  /** Largest absolute difference a device may show, by output; outputs of text have none. */
  tolerance: Record<string, number>
}

/** The settings a device runs with when it follows the README: ONNX Runtime's own. */
export const DEVICE_SESSION: SessionOptions = { optimization: 'all' }

interface GoldenRequest {
  /** Path of the model. */
  file: string
  model: Model
  /** Random inputs where there is none. */
  dataset?: Dataset
  count: number
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
  const { file, model, integer } = request
  const samples: GoldenSample[] = []
  // Text has no tolerance and no place in an NPY file.
  const numbers = signatureOf(model).outputs.filter(({ dtype }) => dtype && dtype !== 'string')
  const names = numbers.map(({ name }) => name)
  const states = carriedStates(signatureOf(model))
  const session = await openSession(file, DEVICE_SESSION)
  try {
    let bytes = 0
    let before: Values | undefined
    for await (const { index, inputs: given, raw, follows = false } of inputsOf(request)) {
      const carried: Values = {}
      if (follows && before) for (const { name, state } of states) carried[name] = before[state!]!
      const inputs = { ...given, ...carried }
      const outputs = await session.run(inputs, names)
      for (const [name, value] of Object.entries(outputs))
        if (isFloat(value.dtype) && floatsOf(value).some(Number.isNaN))
          throw new PareError('model/non-finite', { tensor: name, by: 'export' })
      bytes += sizeIn(inputs) + sizeIn(outputs)
      if (samples.length > 0 && bytes > BYTES_LIMIT) break
      const goesOn = Object.keys(carried).length > 0
      samples.push({ index, inputs, outputs, ...(goesOn && { follows: true }), ...(raw && { raw }) })
      before = outputs
    }
  } finally {
    await session.release()
  }
  const tolerance: Record<string, number> = {}
  for (const { name, dtype } of numbers) {
    const magnitude = Math.max(0, ...samples.map(({ outputs }) => largest(floatsOf(outputs[name]!))))
    tolerance[name] = isFloat(dtype!) ? magnitude * (integer ? INTEGER_SHARE : FLOAT_SHARE) + 1e-6 : 0
  }
  return { samples, tolerance }
}

async function* inputsOf(request: GoldenRequest): AsyncIterable<Omit<GoldenSample, 'outputs'>> {
  const { dataset, model, count } = request
  if (!dataset) {
    for (let seed = 0; seed < count; seed++)
      yield { inputs: await workingFeeds(model, { seed }), follows: seed > 0 }
    return
  }
  const split = dataset.splits.validation
  for await (const { indices, inputs, follows } of split.batches(1, { limit: count }))
    yield {
      follows: follows?.[0] ?? false,
      ...(dataset.kind !== 'random' && { index: indices[0] }),
      inputs: feedsFor(model, inputs),
      ...(split.raw && { raw: await split.raw(indices[0]!) }),
    }
}

/** Names of the samples' files, for the manifest. Throws `disk/*`. */
export const placeGolden = ({ samples }: Golden, files: BundleFiles): Manifest['golden'] =>
  samples.map(({ inputs, outputs, raw, follows }, n) => {
    const put = (kind: 'input' | 'output', values: Values): Record<string, string> =>
      Object.fromEntries(
        Object.entries(values).map(([name, value], i) => {
          const file = `golden/${n}/${kind}-${i}.npy`
          files.write(file, encodeNpy(value), `golden ${kind} ${name}`)
          return [name, file]
        }),
      )
    return {
      inputs: put('input', inputs),
      outputs: put('output', outputs),
      ...(follows && { follows }),
      ...(raw && { raw: placeRaw(raw, `golden/${n}`, files) }),
      ...(raw?.label !== undefined && { label: raw.label }),
    }
  })

function placeRaw({ files: raw }: RawSample, folder: string, files: BundleFiles): Record<string, string> {
  return Object.fromEntries(
    raw.map(({ name, ending, bytes }, i) => {
      const file = `${folder}/raw${raw.length > 1 ? `-${i}` : ''}${ending}`
      files.write(file, bytes, `golden sample ${name}`)
      return [name, file]
    }),
  )
}

const sizeIn = (values: Values): number =>
  Object.values(values).reduce((sum, { data }) => sum + (Array.isArray(data) ? 0 : data.byteLength), 0)

/** Of the finite ones; 0 without any. */
export function largest(data: Float32Array): number {
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
