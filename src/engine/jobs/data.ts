/** Datasets as the jobs refer to them. */
import type { Dataset } from '../data/dataset'
import { openDataset } from '../data/open'
import { openRandom } from '../data/random'
import { readModel } from '../onnx'
import { unchanged, type Unchanged } from '../run/unchanged'
import { chooseProviders, type SessionOptions } from '../runtime'
import type { DataReference, EngineSettings } from './protocol'

/** Opens what is referred to, or random inputs within the model's declared shapes where nothing is. */
export async function openReference(
  model: string,
  { path, splits, ...options }: DataReference,
  progress?: (done: number, doing: string) => void,
): Promise<Dataset> {
  const read = readModel(model)
  if (path === undefined) return openRandom(read)
  if (!splits) return openDataset(path, read, { ...options, progress })
  const { seed, ...shares } = splits
  return openDataset(path, read, { ...options, seed, shares, progress })
}

/**
 * Opens, uses and always closes a dataset. Throws `model/changed-on-disk` or `data/gone`, whatever came of it, where
 * model or data are in the end not what they were; `use` may ask that before it keeps something. `writes` are the
 * folders that the job writes to.
 */
export async function withData<T>(
  model: string,
  reference: DataReference,
  use: (data: Dataset, same: Unchanged) => Promise<T>,
  progress?: (done: number, doing: string) => void,
  writes: readonly (string | undefined)[] = [],
): Promise<T> {
  const same = unchanged(model, [reference.path, reference.tokenizer], writes)
  let result: T
  try {
    const data = await openReference(model, reference, progress)
    try {
      result = await use(data, same)
    } finally {
      await data.close()
    }
  } catch (thrown) {
    same()
    throw thrown
  }
  same()
  return result
}

let kept: { key: string; data: Promise<Dataset> } | undefined

/** For looking at one sample after another: the dataset that was opened last stays open. */
export async function withOpenData<T>(
  model: string,
  reference: DataReference,
  use: (data: Dataset) => Promise<T>,
): Promise<T> {
  const key = JSON.stringify([model, reference])
  if (kept?.key !== key) {
    const before = kept
    kept = { key, data: openReference(model, reference) }
    // A failure must not be remembered, and one that nobody waits for any more says nothing new.
    kept.data.catch(() => (kept = kept?.key === key ? undefined : kept))
    await before?.data.then((data) => data.close()).catch(() => undefined)
  }
  return use(await kept.data)
}

/** The files may have changed: what is read next is opened anew. */
export async function forgetOpenData(): Promise<void> {
  const before = kept
  kept = undefined
  await before?.data.then((data) => data.close()).catch(() => undefined)
}

/** The chosen device where a test run proves it, else the CPU and a word why. */
export async function chosenSession({
  providers,
  threads,
}: EngineSettings): Promise<{ session: SessionOptions; word?: string }> {
  const { providers: proved, word } = await chooseProviders(providers[0] ?? 'cpu')
  return { session: { providers: proved, ...(threads > 0 && { threads }) }, ...(word && { word }) }
}
