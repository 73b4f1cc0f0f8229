/** Datasets as the jobs refer to them. */
import type { Dataset } from '../data/dataset'
import { openDataset } from '../data/open'
import { openRandom } from '../data/random'
import { readModel } from '../onnx'
import { chooseProviders, type SessionOptions } from '../runtime'
import type { DataReference, EngineSettings } from './protocol'

/** Opens what is referred to, or random inputs within the model's declared shapes where nothing is. */
export async function openReference(
  model: string,
  { path, ...options }: DataReference,
  progress?: (done: number, doing: string) => void,
): Promise<Dataset> {
  const read = readModel(model)
  return path === undefined ? openRandom(read) : openDataset(path, read, { ...options, progress })
}

/** Opens, uses and always closes a dataset. */
export async function withData<T>(
  model: string,
  reference: DataReference,
  use: (data: Dataset) => Promise<T>,
  progress?: (done: number, doing: string) => void,
): Promise<T> {
  const data = await openReference(model, reference, progress)
  try {
    return await use(data)
  } finally {
    await data.close()
  }
}

/** The chosen device where a test run proves it, else the CPU and a word why. */
export async function chosenSession({
  providers,
  threads,
}: EngineSettings): Promise<{ session: SessionOptions; word?: string }> {
  const { providers: proved, word } = await chooseProviders(providers[0] ?? 'cpu')
  return { session: { providers: proved, ...(threads > 0 && { threads }) }, ...(word && { word }) }
}
