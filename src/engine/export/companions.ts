/** What lies beside the model: preprocessing, class names, a tokenizer. */
import fs from 'node:fs'
import type { Dataset } from '../data/dataset'
import type { BundleFiles } from './files'
import type { Manifest } from './manifest'

export interface CompanionSources {
  dataset?: Dataset
  /** Path of a tokenizer.json; default: the one that the texts of the dataset are read with. */
  tokenizer?: string
}

/** White space and control characters, some of which end lines, become a space. */
export const labelLine = (name: string): string => name.replaceAll(/[\s\p{Cc}]+/gu, ' ')

/** One class a line. */
export const labelLines = (classes: readonly string[]): string =>
  classes.map((name) => `${labelLine(name)}\n`).join('')

/** Throws `disk/*`. */
export function placeCompanions(
  { dataset, tokenizer = dataset?.form?.tokenizer }: CompanionSources,
  files: BundleFiles,
): Pick<Manifest, 'preprocessing' | 'labels' | 'tokenizer'> {
  const placed: Pick<Manifest, 'preprocessing' | 'labels' | 'tokenizer'> = {}
  if (dataset && dataset.kind !== 'random') {
    placed.preprocessing = 'preprocessing.json'
    const form = dataset.form?.inputs ?? dataset.preprocessing
    const text = `${JSON.stringify(form, null, 2)}\n`
    files.write('preprocessing.json', text, 'how a raw sample becomes the input')
  }
  if (dataset?.classes) {
    placed.labels = 'labels.txt'
    files.write('labels.txt', labelLines(dataset.classes), 'class names in the order of the outputs')
  }
  if (tokenizer) {
    placed.tokenizer = 'tokenizer.json'
    files.write('tokenizer.json', fs.readFileSync(tokenizer), 'the tokenizer of the texts')
  }
  return placed
}
