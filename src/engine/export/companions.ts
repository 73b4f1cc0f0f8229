/** What lies beside the model: preprocessing, class names, a tokenizer. */
import fs from 'node:fs'
import type { SampleForm, SampleInput } from '../../contract/sample-form'
import type { Dataset } from '../data/dataset'
import { sizeOf, type Model } from '../onnx'
import { signatureOf, type Port } from '../runtime'
import type { Spelling } from '../tasks/task'
import type { BundleFiles } from './files'
import type { Manifest } from './manifest'

interface CompanionSources {
  model: Model
  dataset?: Dataset
  /** Path of a tokenizer.json; default: the one that the texts of the dataset are read with. */
  tokenizer?: string
  spelling?: Spelling | undefined
}

/** White space and control characters, some of which end lines, become a space. */
export const labelLine = (name: string): string => name.replaceAll(/[\s\p{Cc}]+/gu, ' ')

/** One class a line. */
export const labelLines = (classes: readonly string[]): string =>
  classes.map((name) => `${labelLine(name)}\n`).join('')

/** Samples are described as measured; a device goes one step further, to the types and codes of the file. */
function withEdges(form: SampleForm, model: Model): SampleForm {
  const ports = new Map(signatureOf(model).inputs.map((port) => [port.name, port]))
  return { ...form, inputs: form.inputs.map((input) => withEdge(input, ports.get(input.name)?.edge)) }
}

function withEdge(input: SampleInput, edge: Port['edge']): SampleInput {
  if (!edge) return input
  const { dtype, scale, zeroPoint } = edge
  if (scale === 1 && zeroPoint === 0) return { ...input, dtype }
  // ((raw · s − mean) / std) / scale + zeroPoint, as one step.
  const { affine = { scale: 1, mean: [0], std: [1], inner: sizeOf(input.dims) } } = input
  const std = affine.std.map((one) => one * scale)
  const mean = affine.mean.map((one, k) => one - zeroPoint * std[k]!)
  return { ...input, dtype, affine: { ...affine, mean, std } }
}

/** Throws `disk/*`. */
export function placeCompanions(
  { model, dataset, tokenizer = dataset?.form?.tokenizer, spelling }: CompanionSources,
  files: BundleFiles,
): Pick<Manifest, 'preprocessing' | 'labels' | 'tokenizer'> {
  const placed: Pick<Manifest, 'preprocessing' | 'labels' | 'tokenizer'> = {}
  if (dataset && dataset.kind !== 'random') {
    placed.preprocessing = 'preprocessing.json'
    const form = dataset.form ? withEdges(dataset.form.inputs, model) : dataset.preprocessing
    const text = `${JSON.stringify(form, null, 2)}\n`
    files.write('preprocessing.json', text, 'how a raw sample becomes the input')
  }
  if (spelling) {
    placed.labels = 'labels.txt'
    const text = spelling.characters.map((one) => `${one.replaceAll(/[\r\n]/g, ' ')}\n`).join('')
    files.write('labels.txt', text, 'the character of each score, an empty line for the blank')
  } else if (dataset?.classes) {
    placed.labels = 'labels.txt'
    files.write('labels.txt', labelLines(dataset.classes), 'class names in the order of the outputs')
  }
  if (tokenizer) {
    placed.tokenizer = 'tokenizer.json'
    files.write('tokenizer.json', fs.readFileSync(tokenizer), 'the tokenizer of the texts')
  }
  return placed
}
