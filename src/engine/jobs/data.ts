/** Datasets as the jobs refer to them. */
import { PareError, type ErrorData } from '../../contract/errors'
import type { Dataset } from '../data/dataset'
import { openDataset } from '../data/open'
import { openRandom } from '../data/random'
import { readModel } from '../onnx'
import { matchedInputs } from '../training/matched-inputs'
import { unchanged, type Unchanged } from '../run/unchanged'
import { chooseProviders, type SessionOptions } from '../runtime'
import type { DataReference, EngineSettings } from './protocol'

/**
 * Opens what is referred to. Where nothing is: random inputs within the model's declared shapes and, for calibration, inputs
 * made to match what its normalization layers learned, where it has some.
 */
export async function openReference(
  model: string,
  { path, splits, ...options }: DataReference,
  progress?: (done: number, doing: string) => void,
): Promise<Dataset> {
  const read = readModel(model)
  if (path === undefined) return openRandom(read, 0, undefined, ['validation'], await matchedInputs(read))
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
  // What has been looked at last gives its memory back.
  await forgetOpenData()
  const same = unchanged(model, [reference.path, reference.tokenizer], writes)
  return checked(same, async () => {
    const data = await openReference(model, reference, progress)
    try {
      return await use(data, same)
    } finally {
      await data.close()
    }
  })
}

/** What changed meanwhile explains a failure, and makes a result worthless. */
async function checked<T>(same: Unchanged, work: () => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (thrown) {
    same()
    throw thrown
  }
  same()
  return result
}

interface Kept {
  key: string
  data: Promise<Dataset>
  same: Unchanged
}

let kept: Kept | undefined

function keepOpen(
  key: string,
  model: string,
  reference: DataReference,
  progress?: (done: number, doing: string) => void,
): Kept {
  const same = unchanged(model, [reference.path, reference.tokenizer])
  const opened = { key, data: openReference(model, reference, progress), same }
  // A failure must not be remembered, and one that nobody waits for any more says nothing new.
  opened.data.catch(() => (kept = kept === opened ? undefined : kept))
  return opened
}

/**
 * For questions one after another, of samples or of recipes: the dataset that was opened last stays open. What changed
 * since then is opened anew; what changes while it is looked at throws as in `withData`.
 */
export async function withOpenData<T>(
  model: string,
  reference: DataReference,
  use: (data: Dataset) => Promise<T>,
  progress?: (done: number, doing: string) => void,
): Promise<T> {
  const key = JSON.stringify([model, reference])
  const isOpen = kept?.key === key
  if (!isOpen) {
    await forgetOpenData()
    kept = keepOpen(key, model, reference, progress)
  }
  const { data, same } = kept!
  try {
    return await checked(same, async () => use(await data))
  } catch (thrown) {
    if (!(thrown instanceof PareError && CHANGED.has(thrown.code))) throw thrown
    await forgetOpenData()
    if (!isOpen) throw thrown
    return withOpenData(model, reference, use, progress)
  }
}

/** Codes that `Unchanged` throws. */
const CHANGED = new Set<ErrorData['code']>(['model/changed-on-disk', 'data/gone'])

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
