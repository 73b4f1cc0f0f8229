import { matrix, type F64Matrix } from '../../math/matrix'
import type { Model } from '../../onnx'
import { openSession, type TracedValue, type Value } from '../../runtime'
import type { SampleSource } from '../../data/feeds'
import type { LinearLayer } from './patches'
import { prefixOf } from './prefix'
import { openProducts } from './products'

export interface InputProducts {
  /** Σ xxᵀ of each group. */
  gram: F64Matrix[]
  /** Mean of each input of each group. */
  mean: Float64Array[]
  rows: number
}

/** Rows of unfolded input held at once, in bytes. */
const ROW_BYTES = 2 ** 26

/** Rows one sample gives, by the shape of the layer's output. */
export const rowsPerSample = (layer: LinearLayer, outDims: readonly number[]): number =>
  Math.max(
    1,
    (layer.kind === 'conv' ? outDims.slice(2) : outDims.slice(1, -1)).reduce((n, d) => n * d, 1),
  )

/** Samples that fit the memory allowed at once, and those wanted in all. */
export function sampling(
  layer: LinearLayer,
  outDims: readonly number[],
  rowsPerInput: number,
  samples: number,
): { size: number; limit: number } {
  const { inputs, groups } = layer.shape
  const rows = rowsPerSample(layer, outDims)
  const size = Math.max(1, Math.min(32, Math.floor(ROW_BYTES / (rows * inputs * groups * 4))))
  return { size, limit: Math.min(samples, Math.max(8 * size, Math.ceil((rowsPerInput * inputs) / rows))) }
}

/** Throws what sessions throw. `shapes` are those of the model, at any batch. */
export async function inputProducts(
  model: Model,
  layer: LinearLayer,
  shapes: ReadonlyMap<string, TracedValue>,
  source: SampleSource,
  limits: { size: number; limit: number },
): Promise<InputProducts> {
  const { groups, inputs } = layer.shape
  const products = await openProducts(layer, model.graph.initializers.get(layer.weight)!, {
    inDims: shapes.get(layer.input)!.dims,
    outDims: shapes.get(layer.output)!.dims,
  })
  const gram = Array.from({ length: groups }, () => new Float64Array(inputs * inputs))
  const mean = Array.from({ length: groups }, () => new Float64Array(inputs))
  let rows = 0
  try {
    for await (const x of valuesOf(model, layer.input, source, limits)) {
      const sums = await products.add(x)
      rows += sums.rows
      for (let g = 0; g < groups; g++) {
        addTo(gram[g]!, sums.xx, g * inputs * inputs)
        addTo(mean[g]!, sums.x, g * inputs)
      }
    }
  } finally {
    await products.release()
  }
  for (const one of mean) for (let i = 0; i < one.length; i++) one[i]! /= Math.max(1, rows)
  return { gram: gram.map((data) => matrix(inputs, inputs, data)), mean, rows }
}

/**
 * Σ (x − mean)(x − mean)ᵀ of a group, its inputs in the given order: what is constant the bias makes up for, so it
 * must not decide what stays.
 */
export function centredGram({ gram, mean, rows }: InputProducts, g: number, order?: Int32Array): F64Matrix {
  const n = order?.length ?? gram[g]!.rows
  const data = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [a, b] = order ? [order[i]!, order[j]!] : [i, j]
      data[i * n + j] = gram[g]!.data[a * gram[g]!.cols + b]! - rows * mean[g]![a]! * mean[g]![b]!
    }
  return matrix(n, n, data)
}

/** A value at each batch; the model runs only as far as needed, not at all for its own inputs. */
async function* valuesOf(
  model: Model,
  name: string,
  source: SampleSource,
  { size, limit }: { size: number; limit: number },
): AsyncIterable<Value> {
  if (model.graph.requiredInputs.some((input) => input.name === name)) {
    for await (const feeds of source(size, limit)) yield feeds[name]!
    return
  }
  const session = await openSession(prefixOf(model, [name]))
  try {
    for await (const feeds of source(size, limit)) yield (await session.run(feeds, [name]))[name]!
  } finally {
    await session.release()
  }
}

function addTo(into: Float64Array, from: Float32Array, at: number): void {
  for (let i = 0; i < into.length; i++) into[i]! += from[at + i]!
}
