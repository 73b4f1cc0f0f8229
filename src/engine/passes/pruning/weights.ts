/** Pruning of single weights: shapes stay, zeros compress. */
import { kthSmallest, maskBlocks, maskLowest, maskNofM, maskRows } from '../../math/pruning/masks'
import { sparsityAt } from '../../math/pruning/schedule'
import { sparseGpt } from '../../math/pruning/sparsegpt'
import type { Model } from '../../onnx'
import type { SampleSource } from '../../data/feeds'
import { findLayers, type NotALayer } from '../../layers/find'
import type { Layer } from '../../layers/layer'
import { NO_PRODUCT, productLayer } from '../../layers/product'
import { addToBias } from '../../layers/rewrite'
import { collect } from '../../layers/statistics/collect'
import { centred, type Gram } from '../../layers/statistics/grams'
import { sampling } from '../../layers/statistics/plan'
import { partFailure } from '../part-failure'
import type { ShapeSource } from './collect'
import { matmul } from '../../runtime'
import type { F64Matrix } from '../../math/matrix'

type Method = 'magnitude' | 'wanda' | 'sparsegpt'
export type Pattern =
  | { kind: 'unstructured' }
  | { kind: 'n-of-m'; n: number; m: number }
  | { kind: 'blocks'; height: number; width: number }

interface WeightOptions {
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

interface Left {
  /** Could not be pruned, and stay as they were. */
  failed: NotALayer[]
  /** Lost their smallest weights, as their inputs could not be measured. */
  bySize: NotALayer[]
}

/** Edits the model's weights (and biases, where data shows what the zeros cost on average). */
export async function pruneLayers(
  model: Model,
  layers: readonly Layer[],
  options: WeightOptions,
): Promise<Left> {
  const [failed, bySize] = [new Map<string, string>(), new Map<string, string>()]
  for (let step = 1; step <= options.steps; step++)
    for (const [index, { name }] of layers.entries()) {
      const done = (step - 1 + index / layers.length) / options.steps
      options.progress(
        done,
        options.steps > 1
          ? `step ${step} of ${options.steps}, layer ${index + 1}`
          : `layer ${index + 1} of ${layers.length}`,
      )
      const share = sparsityAt(step, options.steps, options.sparsity.get(name) ?? 0)
      try {
        if (failed.has(name)) continue
        const unseen = await pruneLayer(model, present(model, layers[index]!), share, options)
        if (unseen) bySize.set(name, unseen)
      } catch (thrown) {
        failed.set(name, partFailure(thrown))
      }
    }
  const named = (reasons: ReadonlyMap<string, string>): NotALayer[] =>
    [...reasons].map(([layer, reason]) => ({ layer, reason }))
  return { failed: named(failed), bySize: named(bySize) }
}

/** The layer as it is now: its weight may have zeros, and a bias may stand behind it. */
const present = ({ graph }: Model, { node, weight }: Layer): Layer =>
  findLayers(graph, { ops: [node.opType], bodies: true }).layers.find((one) => one.weight === weight)!

/** Gives why the inputs of the layer were not measured where they were to be. */
async function pruneLayer(
  model: Model,
  layer: Layer,
  share: number,
  options: WeightOptions,
): Promise<string | undefined> {
  const { groups, inputs, outputs } = layer.product
  const measured = options.source && (await gramOf(model, layer, options.source, options))
  const gram = typeof measured === 'string' ? undefined : measured
  const before = layer.rows()
  const after = new Float32Array(before.length)
  const order =
    options.pattern.kind === 'n-of-m' ? layer.tapOrder : Int32Array.from({ length: inputs }, (_, i) => i)
  const size = inputs * outputs
  for (let g = 0; g < groups; g++) {
    const from = g * size
    const ordered = new Float32Array(size)
    for (let i = 0; i < size; i++) ordered[i] = before[from + i - (i % inputs) + order[i % inputs]!]!
    const seen = gram && centred(gram, g, order)
    const pruned = await prunedRows(ordered, outputs, seen, share, options)
    for (let i = 0; i < size; i++) after[from + i - (i % inputs) + order[i % inputs]!] = pruned[i]!
  }
  model.graph.initializers.set(layer.weight, layer.withRows(after))
  if (gram) addToBias(model.graph, layer, meanLoss(before, after, gram, layer))
  return typeof measured === 'string' ? measured : undefined
}

/** Or why there is none. */
async function gramOf(
  model: Model,
  layer: Layer,
  source: SampleSource,
  { shapes, samples }: WeightOptions,
): Promise<Gram | string> {
  if (layer.within) return 'what flows within a branch or loop is not seen from outside'
  if (!productLayer(model.graph, layer.node)) return NO_PRODUCT
  const { dims } = shapes.get(layer.name)!
  const { size, limit } = sampling(layer, dims, { rowsPerInput: ROWS_PER_INPUT, batches: 8, most: samples })
  const found = await collect(model, { grams: [layer] }, () => source(size, limit), { shapes })
  const gram = found.gram(layer)!
  return gram.rows > 0 ? gram : 'no sample reached it'
}

/** What the output loses on average, for the bias to give back. */
function meanLoss(
  before: Float32Array,
  after: Float32Array,
  { mean }: Gram,
  { product }: Layer,
): Float64Array {
  const { groups, inputs, outputs } = product
  const loss = new Float64Array(groups * outputs)
  for (let r = 0; r < loss.length; r++)
    for (let i = 0; i < inputs; i++)
      loss[r]! += mean[Math.floor(r / outputs)]![i]! * (before[r * inputs + i]! - after[r * inputs + i]!)
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
export function globalThreshold(model: Model, layers: readonly Layer[], share: number): number {
  const all = new Float32Array(layers.reduce((n, { tensor }) => n + tensor.size, 0))
  let at = 0
  for (const { weight, tensor } of layers) {
    all.set(model.graph.initializers.get(weight)!.floats().map(Math.abs), at)
    at += tensor.size
  }
  const gone = Math.round(share * all.length)
  return gone === 0 ? -1 : kthSmallest(all, gone - 1)
}
