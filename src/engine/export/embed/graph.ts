/** Preprocessing and label lookup as part of a model: bytes in, class out. */
import { PareError } from '../../../contract/errors'
import type { SampleForm, SampleInput } from '../../../contract/sample-form'
import { raiseOpset, Tensor, type DType, type Model } from '../../onnx'
import { signatureOf } from '../../runtime'
import { byteTables } from '../../data/image-decode'
import type { Manifest } from '../manifest'
import { Front } from './steps'

/** Clip, Round and Slice as they are written here. */
const OPSET = 13

/** 16-bit sound is whole steps of this. */
const PCM = 2 ** 15

interface Embedding {
  model: Model
  /** How a raw sample becomes the new inputs: what is left to do before the model. */
  form: SampleForm
}

export const refused = (reason: string): PareError => new PareError('export/not-embedded', { reason })

/**
 * A copy of the model that takes samples as they are stored. `bytes` are the arrays whose numbers are bytes. Throws
 * `export/not-embedded`, and `model/*` where the operator set cannot be raised to 13.
 */
export function embedPreprocessing(source: Model, form: SampleForm, bytes: ReadonlySet<string>): Embedding {
  if (form.kind === 'text')
    throw refused('Texts become ids by their tokenizer, for which ONNX has no operator.')
  if (form.kind === 'audio' && form.features)
    throw refused('Log-mel energies and cepstra are computed before the model, as preprocessing.json says.')
  const coded = signatureOf(source).inputs.find(({ edge }) => edge)
  if (coded) throw refused(`Input "${coded.name}" takes codes, not the numbers it was measured with.`)
  const model = raiseOpset(source, OPSET).clone()
  const front = new Front(model.graph)
  const inputs = form.inputs.map((input) => {
    const left = leftOf(form, input, bytes)
    if (left === input) return input
    const prepared = model.graph.freshName(`${input.name}_prepared`)
    model.graph.replaceUses(input.name, prepared)
    const value = valueOf(front, form, input, left)
    const last = model.graph.producer(value)!
    last.outputs = last.outputs.map((name) => (name === value ? prepared : name))
    model.graph.inputs = model.graph.inputs.map((info) =>
      info.name === input.name
        ? { name: info.name, dtype: left.dtype as DType, dims: [info.dims?.[0] ?? null, ...left.dims] }
        : info,
    )
    return left
  })
  if (inputs.every((input, i) => input === form.inputs[i]))
    throw refused('The model takes its samples as they are stored: there is nothing to embed.')
  model.graph.prune()
  return { model, form: rest(form, inputs) }
}

/** What stays to be done before the model, all of it before the inputs. */
function rest(form: SampleForm, inputs: SampleInput[]): SampleForm {
  const plain = { scale: 1, mean: [0], std: [1] }
  if (form.kind === 'image') return { ...form, ...plain, layout: 'nhwc', order: 'rgb', invert: false, inputs }
  if (form.kind === 'array') {
    const { reversed: _, stored: __, ...others } = form
    return { ...others, ...plain, inputs }
  }
  return form.kind === 'audio' ? { ...form, scale: 1, inputs } : { ...form, inputs }
}

/** An input as it is fed from now on; the same one where there is nothing to do for it. */
function leftOf(form: SampleForm, input: SampleInput, bytes: ReadonlySet<string>): SampleInput {
  const { name, from, dims } = input
  if (from.kind === 'image' && form.kind === 'image')
    return { name, from, dtype: 'uint8', dims: [form.height, form.width, form.channels] }
  if (from.kind === 'sound')
    return { name, from, dtype: 'int16', dims, affine: { scale: PCM, mean: [0], std: [1], inner: 1 } }
  if (from.kind !== 'array' && from.kind !== 'columns') return input
  const stored = from.kind === 'array' ? from.dims : [from.columns.length]
  const isBytes = from.kind === 'array' && bytes.has(from.array)
  const dtype = isBytes ? 'uint8' : input.affine ? 'float32' : input.dtype
  const moved = input.transpose !== undefined || input.reversed !== undefined
  if (!moved && !input.affine && dtype === input.dtype && String(stored) === String(dims)) return input
  return { name, from, dtype, dims: stored }
}

/** Name of what the model is given instead of its input. */
function valueOf(front: Front, form: SampleForm, input: SampleInput, left: SampleInput): string {
  const to = input.dtype as DType
  if (form.kind === 'image') {
    const { channels, order, layout } = form
    const swapped = order === 'bgr' && channels >= 3
    const pixels = swapped ? front.reversed(input.name, 2, channels) : input.name
    const values = front.lookup(pixels, byteTables(form), to)
    const planar = layout === 'nchw' || (layout === 'flat' && channels > 1)
    return front.reshape(planar ? front.transpose(values, [2, 0, 1]) : values, input.dims)
  }
  if (form.kind === 'audio') {
    const affine = { scale: form.scale / PCM, mean: [0], std: [1], inner: 1 }
    return front.affine(input.name, 'int16', input.dims, affine, to)
  }
  const from = left.dtype as DType
  let value = input.name
  if (input.transpose) {
    if (input.stored) value = front.reshape(value, input.stored)
    value = front.transpose(value, input.transpose)
  }
  value = front.reshape(value, input.dims)
  if (input.reversed !== undefined) value = front.reversed(value, input.reversed, input.dims[input.reversed]!)
  return input.affine ? front.affine(value, from, input.dims, input.affine, to) : front.cast(value, from, to)
}

/** Adds the position of the highest score and its name as outputs; the manifest's words for them. */
export function embedLabels(
  { graph }: Model,
  answer: Manifest['answer'],
  labels: readonly string[],
): Manifest['answer'] {
  const { output, threshold } = answer
  const isOneOfTwo = threshold !== undefined && answer.classes === undefined && labels.length === 2
  const classes = isOneOfTwo ? 1 : answer.classes
  const info = graph.outputs.find(({ name }) => name === output)
  // Of several labels that hold at once none is the answer.
  if (classes === undefined || (threshold !== undefined && !isOneOfTwo) || !info || labels.length < classes)
    return answer
  const samples = info.dims?.[0] ?? null
  const node = (opType: string, inputs: string[], name: string, attributes = {}): string => {
    graph.addNode({ opType, inputs, outputs: [name], attributes })
    return name
  }
  const constant = (tensor: Tensor): string => graph.addInitializer('pare_constant', tensor)
  const fresh = (name: string): string => graph.freshName(name)
  const ints = (...values: number[]): string => constant(Tensor.int64(values))
  const rows = node('Reshape', [output, ints(0, -1)], fresh('pare_scores'))
  const own = node('Slice', [rows, ints(0), ints(classes), ints(1)], fresh('pare_own'))
  const floats = node('Cast', [own], fresh('pare_floats'), { to: { int: 1 } })
  const above = (limit: number): string => {
    const scores = node('Reshape', [floats, ints(-1)], fresh('pare_score'))
    const second = node('Greater', [scores, constant(Tensor.scalar('float32', limit))], fresh('pare_second'))
    return node('Cast', [second], fresh('class'), { to: { int: 7 } })
  }
  const position = isOneOfTwo
    ? above(threshold)
    : node('ArgMax', [floats], fresh('class'), { axis: { int: 1 }, keepdims: { int: 0 } })
  const table = constant(Tensor.fromStrings([labels.length], labels))
  const label = node('Gather', [table, position], fresh('label'))
  graph.outputs.push(
    { name: position, dtype: 'int64', dims: [samples] },
    { name: label, dtype: 'string', dims: [samples] },
  )
  return { ...answer, class: position, label }
}
