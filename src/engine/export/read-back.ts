/**
 * Raw samples read by what lies in a bundle alone: preprocessing.json, labels.txt, tokenizer.json. It is what code on a
 * device does, and knows nothing of the dataset that the bundle was made with.
 */
import fs from 'node:fs'
import path from 'node:path'
import { SampleForm, type SampleInput } from '../../contract/sample-form'
import { applySpread, castData, reorder } from '../data/convert'
import { numberOf, openCsv } from '../data/csv'
import { decodeImage, placePixels } from '../data/image-decode'
import { npyArray } from '../data/npz'
import { listening } from '../data/sounds/decode'
import { tokenRow } from '../data/token-row'
import { openTokenizer, type TextEncoder } from '../data/tokenizer'
import { sizeOf, type DType } from '../onnx'
import { floatsOf, type Value, type Values } from '../runtime/value'

export interface BundleReader {
  /** One class a line of labels.txt. */
  labels?: string[]
  /** Paths of the raw files by their names, as `golden` of the manifest has them; every input as [1, …dims]. */
  read(raw: Readonly<Record<string, string>>): Promise<Values>
}

type Numbers = Omit<Value, 'dtype'> & { dtype: DType }
/** Numbers of one sample for an input, before order, scale and type. */
type Origin = (input: SampleInput) => Promise<Numbers>

/** `folder` is the unpacked bundle. Throws what its files cannot be read for. */
export async function openBundle(folder: string): Promise<BundleReader> {
  const text = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8')
  const form = SampleForm.parse(JSON.parse(text('preprocessing.json')))
  const labels = fs.existsSync(path.join(folder, 'labels.txt'))
    ? text('labels.txt').replace(/\n$/, '').split('\n')
    : undefined
  const tokenizer = path.join(folder, 'tokenizer.json')
  const encoder =
    form.kind === 'text' && fs.existsSync(tokenizer) ? await openTokenizer(tokenizer) : undefined
  return { ...(labels && { labels }), ...sampleReader(form, encoder) }
}

export const sampleReader = (form: SampleForm, encoder?: TextEncoder): Pick<BundleReader, 'read'> => ({
  async read(raw) {
    const origin = originOf(form, raw, encoder)
    const values: Values = {}
    for (const input of form.inputs) values[input.name] = finished(input, await origin(input))
    return values
  },
})

const numbers = (dims: readonly number[], data: Float32Array | Float64Array): Numbers => ({
  dtype: data instanceof Float32Array ? 'float32' : 'float64',
  dims: [1, ...dims],
  data,
})

function finished(input: SampleInput, raw: Numbers): Value {
  const { dtype: name, dims: inner, affine } = input
  const dtype = name as DType
  const dims = [1, ...inner]
  const order = orderOf(input, raw.dims.slice(1))
  const data = order ? reorder(raw.data, order) : raw.data
  if (!affine) return { dtype, dims, data: castData({ ...raw, data }, dtype) }
  const floats = Float32Array.from(floatsOf({ ...raw, data }))
  applySpread(floats, sizeOf(inner), affine)
  return { dtype, dims, data: castData({ dtype: 'float32', dims, data: floats }, dtype) }
}

/** Position in the model's row → position in the stored one; undefined where they agree. */
function orderOf(
  { stored, transpose, reversed, dims }: SampleInput,
  have: readonly number[],
): Uint32Array | undefined {
  if (!transpose && reversed === undefined) return undefined
  const shape = stored ?? have
  const placed = transposed(shape, transpose ?? shape.map((_, axis) => axis))
  if (reversed === undefined) return placed
  const inner = sizeOf(dims.slice(reversed + 1))
  return placed.map((_, i) => {
    const k = Math.floor(i / inner) % dims[reversed]!
    return placed[k < 3 ? i + (2 - 2 * k) * inner : i]!
  })
}

/** Position in the transposed row → position in the one of shape `dims`. */
function transposed(dims: readonly number[], axes: readonly number[]): Uint32Array {
  const stride = dims.map((_, i) => sizeOf(dims.slice(i + 1)))
  const order = new Uint32Array(sizeOf(dims))
  const at = axes.map(() => 0)
  for (let i = 0; i < order.length; i++) {
    order[i] = axes.reduce((sum, axis, k) => sum + at[k]! * stride[axis]!, 0)
    for (let k = axes.length - 1; k >= 0 && ++at[k]! === dims[axes[k]!]; k--) at[k] = 0
  }
  return order
}

function originOf(
  form: SampleForm,
  raw: Readonly<Record<string, string>>,
  encoder: TextEncoder | undefined,
): Origin {
  const file = (name: string): string => {
    const found = raw[name]
    if (found === undefined) throw new Error(`the sample has no file "${name}"`)
    return found
  }
  return async ({ dims, from }) => {
    switch (from.kind) {
      case 'image': {
        if (form.kind !== 'image') throw new Error('preprocessing.json says nothing of pictures')
        const data = new Float32Array(sizeOf(dims))
        placePixels(await decodeImage(file('image'), form), form, data, 0)
        return numbers(dims, data)
      }
      case 'sound': {
        if (form.kind !== 'audio') throw new Error('preprocessing.json says nothing of sounds')
        return numbers(dims, await listening(form, from.channelsLast).hear(file('sound')))
      }
      case 'columns': {
        const cells = await onlyRow(file('row'))
        return numbers(
          [from.columns.length],
          Float64Array.from(from.columns, (name) => cells.get(name) ?? NaN),
        )
      }
      case 'array': {
        const rows = await (await npyArray(file(from.array))).open()
        try {
          return await rows.read([0])
        } finally {
          await rows.close()
        }
      }
      case 'constant':
        return numbers(dims, new Float64Array(sizeOf(dims)).fill(from.value))
      default: {
        if (form.kind !== 'text') throw new Error('preprocessing.json says nothing of texts')
        const texts = encoder
          ? ['text', ...(form.tokens.pair ? ['second'] : [])].map((name) =>
              encoder.encode(fs.readFileSync(file(name), 'utf8')),
            )
          : [fs.readFileSync(file('ids'), 'utf8').split(/\s+/).filter(Boolean).map(Number)]
        const row = tokenRow(
          form,
          form.tokens,
          texts.map((ids) => Int32Array.from(ids)),
        )
        return numbers(dims, Float64Array.from(row[from.kind]))
      }
    }
  }
}

async function onlyRow(file: string): Promise<Map<string, number>> {
  const csv = await openCsv(file)
  for await (const { cells } of csv.records())
    return new Map(csv.columns.map((name, i) => [name, numberOf(cells[i]!, csv.decimalComma)]))
  throw new Error(`"${path.basename(file)}" holds no row`)
}
