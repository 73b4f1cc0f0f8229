/** How much is looked at at once, so that memory stays bounded. */
import type { Layer } from '../layer'
import { gramBytes, gramKey } from './grams'

/** Splits layers so that the Gram matrices of each part take at most `bytes`; one that takes more is alone. */
export function planGrams(layers: readonly Layer[], bytes: number): Layer[][] {
  const chunks: Layer[][] = []
  const seen = new Set<string>()
  let used = Infinity
  for (const layer of layers) {
    const size = seen.has(gramKey(layer)) ? 0 : gramBytes(layer)
    if (used + size > bytes) {
      chunks.push([])
      seen.clear()
      used = 0
    }
    chunks[chunks.length - 1]!.push(layer)
    used += size
    seen.add(gramKey(layer))
  }
  return chunks
}

/** Rows of unfolded input held at once, in bytes. */
const ROW_BYTES = 2 ** 26
const MOST_AT_ONCE = 32

/** Rows one sample gives, by the shape of the layer's output. */
const rowsPerSample = ({ kind }: Layer, outDims: readonly number[]): number =>
  Math.max(
    1,
    (kind === 'conv' ? outDims.slice(2) : outDims.slice(1, -1)).reduce((n, d) => n * d, 1),
  )

interface Sampling {
  /** Samples a batch. */
  size: number
  /** Samples in all. */
  limit: number
}

/**
 * Samples that fit the memory allowed at once, where the model fixes no batch, and as many in all as give
 * `rowsPerInput` rows for each input, `batches` batches at least and `most` samples at most.
 */
export function sampling(
  layer: Layer,
  outDims: readonly number[],
  {
    rowsPerInput,
    batches,
    most,
    fixedBatch,
  }: {
    rowsPerInput: number
    batches: number
    most: number
    fixedBatch?: number
  },
): Sampling {
  const { inputs, groups } = layer.product
  const rows = rowsPerSample(layer, outDims)
  const fitting = Math.floor(ROW_BYTES / (rows * inputs * groups * 4))
  const size = fixedBatch ?? Math.max(1, Math.min(MOST_AT_ONCE, fitting, Math.floor(most / batches)))
  return { size, limit: Math.min(most, Math.max(batches * size, Math.ceil((rowsPerInput * inputs) / rows))) }
}
