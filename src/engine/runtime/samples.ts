/**
 * From samples to runs and back. Samples are held with their first axis counting them, whatever axis the model
 * has them on; a run takes them on the model's own axis, in the number it insists on.
 */
import { PareError } from '../../contract/errors'
import { sizeOf, type Dim, type Model } from '../onnx'
import { fromFile, toFile } from './edge'
import { isFree, sampleDims, signatureOf, type Port, type Signature } from './signature'
import { concatRows, moveAxis, pickRows, sliceRows, zeros, type Value, type Values } from './value'

/** One run of a model on samples `from` to `to` (exclusive); where they are too few, the last stands in. */
interface Run {
  from: number
  to: number
  feeds: Values
}

/** How many samples inputs hold; a model without inputs has one. */
export const samplesIn = (samples: Values): number => Object.values(samples)[0]?.dims[0] ?? 1

/** Runs of at most `most` samples each that together take all of them, in order. Throws `data/shape-mismatch`. */
export function* runsOf(signature: Signature, samples: Values, most = Infinity): Iterable<Run> {
  const count = samplesIn(samples)
  const step = signature.batch ?? Math.max(1, most)
  for (let from = 0; from < count;) {
    const to = sameSettings(signature, samples, from, Math.min(count, from + step))
    yield { from, to, feeds: feedOf(signature, samples, { from, to }) }
    from = to
  }
}

/** Feeds of one run: samples `from` to `to`, the last repeated up to the model's batch or `size`. Throws as above. */
export function feedOf(
  signature: Signature,
  samples: Values,
  { from = 0, to = samplesIn(samples), size }: { from?: number; to?: number; size?: number } = {},
): Values {
  const rows = size ?? signature.batch ?? to - from
  return Object.fromEntries(
    signature.inputs.map((port): [string, Value] => {
      const value = asDeclared(port, samples[port.name] ?? startOf(port, samples))
      checkInput(port, value)
      const file = (feed: Value): [string, Value] => [port.name, toFile(feed, port.edge)]
      if (port.batchAxis === null) return file(dropFirst(sliceRows(value, from, from + 1)))
      const own = sliceRows(value, from, to)
      const full =
        rows === to - from
          ? own
          : pickRows(
              own,
              Array.from({ length: rows }, (_, i) => Math.min(i, to - from - 1)),
            )
      return file(moveAxis(full, 0, port.batchAxis))
    }),
  )
}

/** The first sample as the whole input of a model: only the inputs it has, repeated where its batch is fixed. */
export const feedsFor = (model: Model, sample: Values): Values =>
  feedOf(signatureOf(model), sample, { from: 0, to: 1 })

/** The samples that feeds of one run hold. */
export function samplesOf(signature: Signature, feeds: Values): Values {
  const first = signature.inputs.find(({ name, batchAxis }) => batchAxis !== null && feeds[name])
  const count = first ? feeds[first.name]!.dims[first.batchAxis!]! : 1
  return Object.fromEntries(
    signature.inputs.flatMap((port): [string, Value][] => {
      const { name, batchAxis } = port
      const given = feeds[name]
      if (!given) return []
      const value = fromFile(given, port)
      if (batchAxis !== null) return [[name, moveAxis(value, batchAxis, 0)]]
      return [[name, concatRows(Array.from({ length: count }, () => addFirst(value)))]]
    }),
  )
}

export const addFirst = (value: Value): Value => ({ ...value, dims: [1, ...value.dims] })
const dropFirst = (value: Value): Value => ({ ...value, dims: value.dims.slice(1) })

/** A state starts at zero. Throws `data/shape-mismatch` for other inputs. */
function startOf(port: Port, samples: Values): Value {
  if (port.state === undefined || !port.dtype) throw mismatch(port, undefined)
  const dims = sampleDims(port).map((dim) => (isFree(dim) ? 0 : (dim as number)))
  return zeros(port.dtype, [samplesIn(samples), ...dims])
}

/** The end of the stretch from `from` in which values that a run takes but once do not change. */
function sameSettings({ inputs }: Signature, samples: Values, from: number, to: number): number {
  let end = to
  for (const { name, batchAxis } of inputs) {
    const value = samples[name]
    if (batchAxis !== null || !value) continue
    const width = sizeOf(value.dims.slice(1))
    const same = (row: number): boolean => {
      for (let i = 0; i < width; i++)
        if (value.data[row * width + i] !== value.data[from * width + i]) return false
      return true
    }
    let row = from + 1
    while (row < end && same(row)) row++
    end = Math.min(end, row)
  }
  return end
}

/**
 * An axis of one that counted samples while it was free is one like others once its size is fixed, and no longer told
 * from them: the same numbers in the same order fit with it and without.
 */
function asDeclared({ dims, batchAxis }: Port, value: Value): Value {
  const wide = (all: readonly Dim[]): string => all.filter((dim) => dim !== 1).join()
  const fits = batchAxis === null && !dims.some(isFree) && wide(dims) === wide(value.dims.slice(1))
  return fits ? { ...value, dims: [value.dims[0]!, ...(dims as readonly number[])] } : value
}

const mismatch = (port: Port, got: Value | undefined): PareError =>
  new PareError('data/shape-mismatch', {
    input: port.name,
    expected: `${port.dtype ?? 'any'} [${port.dims.map((dim) => dim ?? '?').join(', ')}]`,
    got: got ? `${got.dtype} [${got.dims.join(', ')}]` : 'nothing',
  })

function checkInput(port: Port, value: Value): void {
  const want = sampleDims(port)
  const have = value.dims.slice(1)
  const unknown = port.dims.length === 0 && port.batchAxis !== null
  const fits =
    (!port.dtype || port.dtype === value.dtype) &&
    (unknown || (have.length === want.length && want.every((dim, axis) => isFree(dim) || dim === have[axis])))
  if (!fits) throw mismatch(port, value)
}
