/**
 * Sensitivities that were measured once, for whoever asks next: the heat map, the search, mixed precision. An
 * entry counts for the same layers with the same weights, on the same samples.
 */
import { createHash } from 'node:crypto'
import type { Task } from '../../../contract/dataset'
import type { Sensitivity, Technique } from '../../../contract/sensitivity'
import type { Model } from '../../onnx'
import { toTensor, type Values } from '../../runtime'
import { layersThroughViews } from '../../layers/find'

export interface SensitivityCache {
  /** `about` names model and samples: `layersKey` and `samplesKey`. */
  find(about: string, layer: string, technique: Technique, strength: number): Sensitivity | undefined
  keep(about: string, entries: readonly Sensitivity[]): void
  /** It fills while others ask: what happens to be there must then decide nothing. */
  grows?: true
}

const short = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)

/**
 * Equal for models whose layers have the same names and weights and whose other float constants are equal: a
 * cleaned-up graph computes what the original does and need not be measured again.
 */
export function layersKey(model: Model): string {
  const layers = layersThroughViews(model.graph)
  const own = new Set(layers.map(({ tensor }) => tensor.contentKey()))
  const others = [...model.constants()]
    .filter(({ tensor }) => tensor.dtype.startsWith('float') && tensor.size > 1)
    .map(({ tensor }) => tensor.contentKey())
    .filter((key) => !own.has(key))
  return short([
    ...layers.map(({ name, node, tensor }) => `${name} ${node.opType} ${tensor.contentKey()}`).sort(),
    ...new Set(others.sort()),
  ])
}

/** Of the samples' values, not of where they lie. */
export async function samplesKey(batches: AsyncIterable<Values>, task: Task): Promise<string> {
  const hash = createHash('sha256').update(task)
  for await (const feeds of batches)
    for (const name of Object.keys(feeds).sort())
      hash.update(`${name} ${toTensor(feeds[name]!).contentKey()}`)
  return hash.digest('hex').slice(0, 16)
}
