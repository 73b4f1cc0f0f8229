/** The reference models beside the checkout, opened as a pass sees them. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Dataset } from '../../src/engine/data/dataset'
import { openDataset } from '../../src/engine/data/open'
import { seeded } from '../../src/engine/math/random'
import { readModel, type Model } from '../../src/engine/onnx'
import type { PassContext } from '../../src/engine/passes/pass'
import type { Baseline } from './drops'
import { findTarget } from '../../src/engine/targets'

/** What PyTorch reached by pruning one of the models. */
export interface Pruned {
  model: string
  method: string
  /** Of the metric. */
  value: number
  params?: number
}

interface Manifest {
  models: { name: string; dataset: string }[]
  baselines: Baseline[]
  torch_pruning: Pruned[]
}

const reference = path.resolve('../shared/reference')

/** What there is; undefined without the reference set. */
export function manifest(): Manifest | undefined {
  const file = path.join(reference, 'manifest.json')
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Manifest) : undefined
}

/** Where the samples of a dataset lie that hold the most of them. */
const folderOf = (dataset: string): string => {
  const arrays = path.join(reference, dataset, 'npz')
  return fs.existsSync(arrays) ? arrays : path.join(reference, dataset)
}

/** A model and its data as files. */
export const referenceFiles = ({
  name,
  dataset,
}: Manifest['models'][number]): { name: string; model: string; data: string } => ({
  name,
  model: path.join(reference, 'models', `${name}.onnx`),
  data: folderOf(dataset),
})

export interface Opened {
  file: string
  model: Model
  data: Dataset
  context: PassContext
}

/** Gives `work` a model with its data; scratch files are gone afterwards. */
export async function withReference<T>(
  one: Manifest['models'][number],
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const { model: file, data: place } = referenceFiles(one)
  const model = readModel(file)
  const data = await openDataset(place, model)
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-'))
  const context: PassContext = {
    original: model,
    data,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(0),
    scratch,
    providers: ['cpu'],
    target: findTarget('any'),
  }
  try {
    return await work({ file, model, data, context })
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
    await data.close()
  }
}
