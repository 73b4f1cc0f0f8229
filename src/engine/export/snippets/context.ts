/** What code in any language needs to know of the bundle. */
import type { Preprocessing } from '../../../contract/dataset'
import type { SampleForm } from '../../../contract/sample-form'
import { isIdentity } from '../../data/convert'
import type { Manifest } from '../manifest'
import { identifiers } from './identifiers'

export interface SnippetContext {
  /** The model file the language's runtime should load. */
  file: string
  inputs: SnippetPort[]
  /** The output that holds the answer. */
  answer: SnippetPort
  /** It has one score for each of several classes, of which one holds. */
  classes: boolean
  /** It has one value for each of several labels, of which any may hold. */
  several?: boolean
  /** Each of its values is a yes or a no. */
  threshold?: number | undefined
  /** The output that names the class, where the model looks it up itself: it takes samples as they are stored. */
  label?: string | undefined
  /** The answer is a text, spelled by labels.txt. */
  text?: Manifest['answer']['text']
  /** The bundle holds labels.txt. */
  labels?: boolean
  preprocessing?: Preprocessing | undefined
  /** How a raw sample becomes the inputs, where preprocessing.json says so in full. */
  form?: SampleForm | undefined
}

export interface SnippetPort {
  name: string
  /** A name that is an identifier in every language. */
  variable: string
  dtype: string
  dims: readonly number[]
  /** What values of the file stand for, where those are no numbers by themselves. */
  codes?: Manifest['inputs'][number]['codes']
}

export interface Language {
  language: string
  title: string
  /** For the fence of the code block. */
  fence: string
  code(context: SnippetContext): string
}

export function snippetContext(
  manifest: Manifest,
  { preprocessing, form }: Pick<SnippetContext, 'preprocessing' | 'form'>,
): Omit<SnippetContext, 'file'> {
  const identifier = identifiers()
  const port = ({ name, dtype, exampleDims, codes }: Manifest['inputs'][number]): SnippetPort => ({
    name,
    variable: identifier(name),
    dtype,
    dims: exampleDims,
    ...(codes && { codes }),
  })
  const inputs = manifest.inputs.map(port)
  const answer = manifest.outputs.find(({ name }) => name === manifest.answer.output) ?? manifest.outputs[0]!
  return {
    inputs,
    answer: port(answer),
    classes: manifest.answer.classes !== undefined && manifest.answer.threshold === undefined,
    several: manifest.answer.classes !== undefined && manifest.answer.threshold !== undefined,
    threshold: manifest.answer.threshold,
    label: manifest.answer.label,
    text: manifest.answer.text,
    labels: manifest.labels !== undefined,
    preprocessing,
    form,
  }
}

export const sizeOfPort = ({ dims }: SnippetPort): number => dims.reduce((a, b) => a * b, 1)

/** The image preprocessing when the model has one input that is made of an image, and takes it as numbers. */
export function imageOf(context: SnippetContext): Extract<Preprocessing, { kind: 'image' }> | undefined {
  const { preprocessing, inputs } = context
  return preprocessing?.kind === 'image' && inputs.length === 1 && !inputs[0]!.codes && !takesBytes(context)
    ? preprocessing
    : undefined
}

/** The model prepares its pictures itself, as far as their size allows. */
const takesBytes = ({ form }: SnippetContext): boolean =>
  form?.kind === 'image' &&
  form.inputs.every(({ dtype, affine }) => dtype === 'uint8' && !affine) &&
  form.layout === 'nhwc' &&
  form.order === 'rgb' &&
  !form.invert &&
  isIdentity(form)

/** Plain words on what the caller must have done with the input. */
export function inputWords(context: SnippetContext): string {
  const coded = context.inputs.flatMap(({ variable, codes }) =>
    codes ? [`${variable} as number / ${codes.scale} + ${codes.zeroPoint}, rounded`] : [],
  )
  return [samplesIn(context), ...coded].join('; ')
}

function samplesIn(context: SnippetContext): string {
  const { preprocessing } = context
  if (!preprocessing) return 'as the model takes them'
  const { kind } = preprocessing
  if (kind === 'image' && takesBytes(context)) {
    const { width, height, channels, resize } = preprocessing
    const colours =
      channels === 1
        ? 'one byte a pixel (grey)'
        : `${channels} bytes a pixel (RGB${channels === 4 ? 'A' : ''})`
    return `a picture of ${width} × ${height} (${resize}), row by row, ${colours}`
  }
  if (kind === 'text')
    return `${context.form?.kind === 'text' && context.form.tokens.pair ? 'ids of both texts by tokenizer.json' : 'ids of tokenizer.json'}, ${preprocessing.maxLength} long, padded with ${preprocessing.padId}`
  if (kind === 'audio' && preprocessing.features) {
    const { kind: what, frames, window, hop } = preprocessing.features
    return `${frames} frames of ${what} (${window} samples every ${hop} at ${preprocessing.sampleRate} Hz) as preprocessing.json says`
  }
  if (kind === 'audio')
    return `${preprocessing.samples} samples at ${preprocessing.sampleRate} Hz, times ${preprocessing.scale}`
  if (kind === 'image') return 'pixels prepared as preprocessing.json says'
  const { scale, mean, std, reversed, stored } = preprocessing
  const plain = scale === 1 && mean.every((m) => m === 0) && std.every((s) => s === 1)
  const values = plain
    ? 'as measured, without scaling'
    : `(value × ${scale} − ${mean.join(', ')}) / ${std.join(', ')}`
  const lying =
    stored === 'hwc'
      ? ', of rows that hold pixel after pixel'
      : stored
        ? ', of rows that hold channel after channel'
        : ''
  return `${values}${lying}${reversed ? ', channels in the opposite order' : ''}`
}

/** A number per channel, where one stands for all. */
export const spread = (values: readonly number[], channels: number, suffix = ''): string =>
  Array.from({ length: channels }, (_, c) => `${values[c % values.length]}${suffix}`).join(', ')
