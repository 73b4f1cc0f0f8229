/** A session that takes batches of any size, also where the model's own batch is fixed. */
import { PareError } from '../../contract/errors'
import { readModel, type Model, type ValueInfo } from '../onnx'
import { fixedBatchOf } from '../runtime/feeds'
import { openSession, type SessionOptions } from '../runtime/session'
import { concatRows, sliceRows, type Value, type Values } from '../runtime/value'

export interface Runner {
  readonly model: Model
  /** Samples a run of the model takes when that is fixed. */
  readonly fixedBatch: number | undefined
  /** Runs `rows` samples; outputs have exactly that many rows where their first axis is the samples. */
  run(inputs: Values, rows: number, fetches?: readonly string[]): Promise<Values>
  release(): Promise<void>
}

/**
 * Opens a model for evaluation. Throws `model/not-loadable`; its runs throw `data/shape-mismatch` when a batch
 * lacks an input of the model or has it in another type or shape.
 */
export async function openRunner(source: Model | string, options: SessionOptions = {}): Promise<Runner> {
  const model = typeof source === 'string' ? readModel(source) : source
  const session = await openSession(source, options)
  const inputs = model.graph.requiredInputs.filter((input) => session.inputNames.includes(input.name))
  const tensors = model.graph.outputs.filter((output) => output.dtype).map((output) => output.name)
  const fixedBatch = fixedBatchOf(inputs)
  let checked = false
  return {
    model,
    fixedBatch,
    async run(batch, rows, fetches = tensors) {
      if (!checked) for (const input of inputs) checkInput(input, batch[input.name])
      checked = true
      const feeds: Values = {}
      for (const { name } of inputs) feeds[name] = batch[name]!
      if (fixedBatch === undefined || fixedBatch === rows) return session.run(feeds, fetches)
      const parts: Values[] = []
      for (let from = 0; from < rows; from += fixedBatch) {
        const outputs = await session.run(slice(feeds, from, fixedBatch, rows), fetches)
        parts.push(trim(outputs, Math.min(fixedBatch, rows - from), fixedBatch))
      }
      return join(parts, fetches)
    },
    release: () => session.release(),
  }
}

function checkInput(input: ValueInfo, value: Value | undefined): void {
  const expected = `${input.dtype ?? 'any'} [${(input.dims ?? []).map((dim) => dim ?? '?').join(', ')}]`
  const wrong = (got: string): PareError =>
    new PareError('data/shape-mismatch', { input: input.name, expected, got })
  if (!value) throw wrong('nothing')
  const fits =
    (!input.dtype || input.dtype === value.dtype) &&
    (!input.dims ||
      (input.dims.length === value.dims.length &&
        input.dims.every(
          (dim, axis) => axis === 0 || typeof dim !== 'number' || dim < 0 || dim === value.dims[axis],
        )))
  if (!fits) throw wrong(`${value.dtype} [${value.dims.join(', ')}]`)
}

/** Rows `from` … `from + size`; the last row is repeated where there are too few. */
function slice(feeds: Values, from: number, size: number, rows: number): Values {
  const to = Math.min(rows, from + size)
  return Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => {
      const part = sliceRows(value, from, to)
      if (to - from === size) return [name, part]
      const last = sliceRows(value, to - 1, to)
      return [name, concatRows([part, ...Array.from({ length: size - (to - from) }, () => last)])]
    }),
  )
}

function trim(outputs: Values, rows: number, padded: number): Values {
  if (rows === padded) return outputs
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      value.dims[0] === padded ? sliceRows(value, 0, rows) : value,
    ]),
  )
}

function join(parts: readonly Values[], names: readonly string[]): Values {
  const [first] = parts
  if (!first || parts.length === 1) return first ?? {}
  return Object.fromEntries(
    names.map((name) => {
      const values = parts.map((part) => part[name]!)
      return [name, values[0]!.dims.length > 0 ? concatRows(values) : values[0]!]
    }),
  )
}
