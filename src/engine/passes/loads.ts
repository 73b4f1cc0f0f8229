/** No pass gives a graph that ONNX Runtime has not loaded: what it refuses is found and left as it was. */
import { PareError } from '../../contract/errors'
import type { Model } from '../onnx'
import { openSession } from '../runtime'

/** Why ONNX Runtime does not load a model, in its own words; undefined where it does. Throws what else goes wrong. */
export async function refusalOf(model: Model): Promise<PareError | undefined> {
  try {
    await (await openSession(model, { threads: 1 })).release()
    return undefined
  } catch (cause) {
    if (cause instanceof PareError && cause.code === 'model/not-loadable') return cause
    throw cause
  }
}

/** What is said of a layer that was left out. */
export const refusedReason = (refusal: PareError): string =>
  `ONNX Runtime refuses its compressed form: ${'reason' in refusal.data ? refusal.data.reason : refusal.message}`

/**
 * Layers whose compressed form ONNX Runtime refuses, with the reason. `build` gives the model in which the layers
 * that it gets stay as they were. Throws `model/not-loadable` where no layer alone is to blame.
 */
export async function refusedLayers(
  layers: readonly string[],
  build: (left: ReadonlySet<string>) => Model,
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const search = async (some: readonly string[]): Promise<void> => {
    const refusal = await refusalOf(build(new Set(layers.filter((layer) => !some.includes(layer)))))
    if (!refusal) return
    if (some.length <= 1) {
      for (const layer of some) found.set(layer, refusedReason(refusal))
      return
    }
    const middle = some.length >> 1
    await search(some.slice(0, middle))
    await search(some.slice(middle))
  }
  await search(layers)
  const left = found.size > 0 ? await refusalOf(build(new Set(found.keys()))) : undefined
  if (left) throw left
  return found
}
