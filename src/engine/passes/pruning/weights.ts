/** Pruning of single weights: shapes stay, zeros compress. */
import { kthSmallest, maskBlocks, maskLowest, maskNofM, maskRows } from '../../math/pruning/masks'
import { sparsityAt } from '../../math/pruning/schedule'
import { sparseGpt } from '../../math/pruning/sparsegpt'
import type { Model } from '../../onnx'
import type { SampleSource } from '../../data/feeds'
import { centredGram, inputProducts, sampling, type InputProducts } from '../layerwise/accumulate'
import { linearLayer, tensorOfRows, weightRows } from '../layerwise/patches'
import { addToBias } from './bias'
import type { ShapeSource } from './collect'
import { fromOutputRows, patternOrder, toOutputRows, type SparseLayer } from './sparse-layers'
import { matmul } from '../../runtime'
import type { F64Matrix } from '../../math/matrix'

export type Method = 'magnitude' | 'wanda' | 'sparsegpt'
export type Pattern =
  | { kind: 'unstructured' }
  | { kind: 'n-of-m'; n: number; m: number }
  | { kind: 'blocks'; height: number; width: number }

export interface WeightOptions {
  method: Method
  pattern: Pattern
  /** Share of zeros in each layer, by the layer's output. */
  sparsity: ReadonlyMap<string, number>
  /** Instead of a share: |w| at most this goes. Magnitude only. */
  threshold?: number
  steps: number
  samples: number
  source?: SampleSource
  shapes: ShapeSource['shapes']
  progress(done: number, doing: string): void
}

const ROWS_PER_INPUT = 8

/** Edits the model's weights (and biases, where data shows what the zeros cost on average). */
export async function pruneLayers(
  model: Model,
  layers: readonly SparseLayer[],
  options: WeightOptions,
): Promise<void> {
  for (let step = 1; step <= options.steps; step++)
    for (const [index, { output }] of layers.entries()) {
      const done = (step - 1 + index / layers.length) / options.steps
      options.progress(
        done,
        options.steps > 1
          ? `step ${step} of ${options.steps}, layer ${index + 1}`
          : `layer ${index + 1} of ${layers.length}`,
      )
      // Bias nodes may have been put in since: the layer is looked up by its weight each time.
      const weight = layers[index]!.weight
      const node = model.graph.nodes.find((one) => one.inputs[1] === weight)!
      const share = sparsityAt(step, options.steps, options.sparsity.get(output) ?? 0)
      await pruneLayer(
        model,
        { ...linearLayer(model.graph, node)!, size: layers[index]!.size },
        share,
        options,
      )
    }
}

async function pruneLayer(
  model: Model,
  layer: SparseLayer,
  share: number,
  options: WeightOptions,
): Promise<void> {
  const { groups, inputs, outputs } = layer.shape
  const tensor = model.graph.initializers.get(layer.weight)!
  const products = await productsOf(model, layer, options)
  const before = weightRows(layer, model.graph)
  const after = Float32Array.from(before)
  const order =
    options.pattern.kind === 'n-of-m'
      ? patternOrder(layer, tensor.dims)
      : Int32Array.from({ length: inputs }, (_, i) => i)
  for (let g = 0; g < groups; g++) {
    const from = g * inputs * outputs
    const rows = toOutputRows(before, from, inputs, outputs, order)
    const gram = products && centredGram(products, g, order)
    fromOutputRows(await prunedRows(rows, outputs, gram, share, options), after, from, inputs, outputs, order)
  }
  model.graph.initializers.set(layer.weight, tensorOfRows(layer, model.graph, after))
  if (products) addToBias(model.graph, layer, meanLoss(before, after, products, layer))
}

async function productsOf(
  model: Model,
  layer: SparseLayer,
  { source, shapes, samples }: WeightOptions,
): Promise<InputProducts | undefined> {
  if (!source) return undefined
  const found = await inputProducts(
    model,
    layer,
    shapes,
    source,
    sampling(layer, shapes.get(layer.output)!.dims, ROWS_PER_INPUT, samples),
  )
  return found.rows > 0 ? found : undefined
}

/** What the output loses on average, for the bias to give back. */
function meanLoss(
  before: Float32Array,
  after: Float32Array,
  { mean }: InputProducts,
  { shape }: SparseLayer,
): Float64Array {
  const { groups, inputs, outputs } = shape
  const loss = new Float64Array(groups * outputs)
  for (let g = 0; g < groups; g++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) {
        const at = (g * inputs + i) * outputs + o
        loss[g * outputs + o]! += mean[g]![i]! * (before[at]! - after[at]!)
      }
  return loss
}

async function prunedRows(
  rows: Float32Array,
  outputs: number,
  gram: F64Matrix | undefined,
  share: number,
  options: WeightOptions,
): Promise<Float32Array> {
  const inputs = rows.length / outputs
  const { pattern, method } = options
  if (method === 'sparsegpt' && gram && pattern.kind !== 'blocks')
    return sparseGpt(matmul, rows, outputs, gram, {
      sparsity: share,
      zeros: Uint8Array.from(rows, (w) => (w === 0 ? 1 : 0)),
      ...(pattern.kind === 'n-of-m' && { pattern }),
    })
  const scores = scoresOf(rows, inputs, method === 'magnitude' ? undefined : gram)
  const mask = maskOf(scores, outputs, inputs, share, options)
  return rows.map((w, i) => (mask[i] ? w : 0))
}

/** |w|, or with data |w|·‖x − mean‖, as Wanda (arXiv:2306.11695) where a bias takes up the mean. */
function scoresOf(rows: Float32Array, inputs: number, gram: F64Matrix | undefined): Float32Array {
  if (!gram) return rows.map(Math.abs)
  const norms = Float64Array.from({ length: inputs }, (_, i) =>
    Math.sqrt(Math.max(0, gram.data[i * inputs + i]!)),
  )
  return rows.map((w, i) => Math.abs(w) * norms[i % inputs]!)
}

function maskOf(
  scores: Float32Array,
  outputs: number,
  inputs: number,
  share: number,
  { pattern, method, threshold }: WeightOptions,
): Uint8Array {
  switch (pattern.kind) {
    case 'n-of-m':
      return maskNofM(scores, inputs, pattern.n, pattern.m)
    case 'blocks':
      return maskBlocks(scores, outputs, inputs, pattern.height, pattern.width, share)
    case 'unstructured':
      if (threshold !== undefined) return Uint8Array.from(scores, (score) => (score > threshold ? 1 : 0))
      return method === 'wanda' ? maskRows(scores, inputs, share) : maskLowest(scores, share)
  }
}

/** The |w| below which `share` of the weights of all layers lie. */
export function globalThreshold(model: Model, layers: readonly SparseLayer[], share: number): number {
  const all = new Float32Array(layers.reduce((n, { size }) => n + size, 0))
  let at = 0
  for (const { weight, size } of layers) {
    all.set(model.graph.initializers.get(weight)!.floats().map(Math.abs), at)
    at += size
  }
  const gone = Math.round(share * all.length)
  return gone === 0 ? -1 : kthSmallest(all, gone - 1)
}
