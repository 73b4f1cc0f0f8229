/** What code in any language needs to know of the bundle. */
import type { Preprocessing } from '../../../contract/dataset'
import type { Manifest } from '../manifest'

export interface SnippetContext {
  /** The model file the language's runtime should load. */
  file: string
  inputs: SnippetPort[]
  /** The output that holds the answer. */
  answer: SnippetPort
  classes: boolean
  preprocessing?: Preprocessing
}

export interface SnippetPort {
  name: string
  /** A name that is an identifier in every language. */
  variable: string
  dtype: string
  dims: readonly number[]
}

export interface Language {
  language: 'kotlin' | 'swift' | 'javascript' | 'python' | 'cpp'
  title: string
  /** For the fence of the code block. */
  fence: string
  code(context: SnippetContext): string
}

const RESERVED = new Set([
  'in',
  'is',
  'as',
  'if',
  'for',
  'int',
  'float',
  'class',
  'data',
  'val',
  'var',
  'let',
  'image',
])

/** 'input.1' → 'input1'; unique among the ports of one model. */
function variableOf(name: string, taken: Set<string>): string {
  const words = name
    .replace(/[^A-Za-z0-9]+/g, ' ')
    .trim()
    .split(' ')
  const camel = words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('')
  let base = /^[A-Za-z]/.test(camel) ? camel[0]!.toLowerCase() + camel.slice(1) : `input${camel}`
  if (RESERVED.has(base)) base += 'Values'
  let variable = base
  for (let i = 2; taken.has(variable); i++) variable = `${base}${i}`
  taken.add(variable)
  return variable
}

export function snippetContext(
  manifest: Manifest,
  preprocessing: Preprocessing | undefined,
  ort: boolean,
): SnippetContext {
  const taken = new Set<string>()
  const port = ({ name, dtype, exampleDims }: Manifest['inputs'][number]): SnippetPort => ({
    name,
    variable: variableOf(name, taken),
    dtype,
    dims: exampleDims,
  })
  const inputs = manifest.inputs.map(port)
  const answer = manifest.outputs.find(({ name }) => name === manifest.answer.output) ?? manifest.outputs[0]!
  const file = manifest.models.find(({ format }) => format === (ort ? 'ort' : 'onnx'))?.file
  return {
    file: file ?? manifest.models[0]!.file,
    inputs,
    answer: port(answer),
    classes: manifest.answer.classes !== undefined,
    preprocessing,
  }
}

/** A string literal; JSON's escapes are understood by all five languages, Kotlin's `$` apart. */
export const quoted = (text: string): string => JSON.stringify(text)

export const sizeOfPort = ({ dims }: SnippetPort): number => dims.reduce((a, b) => a * b, 1)

/** The image preprocessing when the model has one input that is made of an image. */
export function imageOf(context: SnippetContext): Extract<Preprocessing, { kind: 'image' }> | undefined {
  return context.preprocessing?.kind === 'image' && context.inputs.length === 1
    ? context.preprocessing
    : undefined
}

/** Plain words on what the caller must have done with the input. */
export function inputWords({ preprocessing }: SnippetContext): string {
  if (!preprocessing) return 'as the model takes them'
  const { kind } = preprocessing
  if (kind === 'text')
    return `ids of tokenizer.json, ${preprocessing.maxLength} long, padded with ${preprocessing.padId}`
  if (kind === 'audio')
    return `${preprocessing.samples} samples at ${preprocessing.sampleRate} Hz, times ${preprocessing.scale}`
  if (kind === 'image') return 'pixels prepared as preprocessing.json says'
  const { scale, mean, std } = preprocessing
  const plain = scale === 1 && mean.every((m) => m === 0) && std.every((s) => s === 1)
  return plain
    ? 'as measured, without scaling'
    : `(value × ${scale} − ${mean.join(', ')}) / ${std.join(', ')}`
}

/** A number per channel, where one stands for all. */
export const spread = (values: readonly number[], channels: number, suffix = ''): string =>
  Array.from({ length: channels }, (_, c) => `${values[c % values.length]}${suffix}`).join(', ')
