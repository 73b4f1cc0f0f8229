/** What code in any language needs to know of the bundle. */
import type { Preprocessing } from '../../../contract/dataset'
import type { SampleForm } from '../../../contract/sample-form'
import type { Manifest } from '../manifest'
import { identifiers } from './identifiers'

export interface SnippetContext {
  /** The model file the language's runtime should load. */
  file: string
  inputs: SnippetPort[]
  /** The output that holds the answer. */
  answer: SnippetPort
  classes: boolean
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
    classes: manifest.answer.classes !== undefined,
    labels: manifest.labels !== undefined,
    preprocessing,
    form,
  }
}

export const sizeOfPort = ({ dims }: SnippetPort): number => dims.reduce((a, b) => a * b, 1)

/** The image preprocessing when the model has one input that is made of an image, and takes it as numbers. */
export function imageOf(context: SnippetContext): Extract<Preprocessing, { kind: 'image' }> | undefined {
  return context.preprocessing?.kind === 'image' && context.inputs.length === 1 && !context.inputs[0]!.codes
    ? context.preprocessing
    : undefined
}

/** Plain words on what the caller must have done with the input. */
export function inputWords(context: SnippetContext): string {
  const coded = context.inputs.flatMap(({ variable, codes }) =>
    codes ? [`${variable} as number / ${codes.scale} + ${codes.zeroPoint}, rounded`] : [],
  )
  return [samplesIn(context), ...coded].join('; ')
}

function samplesIn({ preprocessing }: SnippetContext): string {
  if (!preprocessing) return 'as the model takes them'
  const { kind } = preprocessing
  if (kind === 'text')
    return `ids of tokenizer.json, ${preprocessing.maxLength} long, padded with ${preprocessing.padId}`
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
