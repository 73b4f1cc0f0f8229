/** The reference models and data that may lie beside a checkout; a fresh clone stands without them. */
import fs from 'node:fs'
import path from 'node:path'

const folder = path.resolve(import.meta.dirname, '../../shared/reference')

export const hasReference = fs.existsSync(path.join(folder, 'manifest.json'))

if (!hasReference)
  console.warn('The reference set is not beside this checkout; checks against it are left out.')

export const reference = (...parts: string[]): string => path.join(folder, ...parts)

export const REFERENCE_MODELS = [
  'lenet300',
  'lenet5',
  'lenet5_legacy',
  'cnn1d',
  'cnn1d_bn_legacy',
  'mlp',
  'bert',
  'bert_legacy',
] as const
