/**
 * After removal, the layers that read what was cut are fitted again: least squares from the pruned model's own
 * activations to the original's outputs, layer by layer from the input on, so that each also makes up for what
 * went wrong before it. Needs no labels. Sources: arXiv:1707.06168 (channel pruning), arXiv:1707.06342 (ThiNet).
 */
import type { SampleSource } from '../../data/feeds'
import type { Layer } from '../../layers/layer'
import { productLayer } from '../../layers/product'
import { addToBias } from '../../layers/rewrite'
import { sampling } from '../../layers/statistics/plan'
import { collect } from '../../layers/statistics/collect'
import { ASIDE_EVERY } from '../../layers/statistics/regression'
import { fitRidge, type Regression } from '../../math/pruning/ridge'
import { matrix } from '../../math/matrix'
import { Tensor, type Model } from '../../onnx'
import { matmul, prefixOf, type Values } from '../../runtime'
import type { NotALayer } from '../../layers/find'
import { partFailure } from '../part-failure'
import { answersLike } from './prove'
import type { ShapeSource } from './collect'
import type { Kept } from './remove'

export interface Refitted {
  layer: string
  op: string
  /** Share of the output's variance that is error, on samples kept aside. */
  before: number
  after: number
}

interface ReconstructOptions {
  batches: SampleSource
  samples: number
  fixedBatch?: number
  progress(done: number, doing: string): void
}

/** Products of more inputs than this are not solved; only the bias is corrected. */
const MOST_INPUTS = 5000
/** Rows a layer wants for each of its inputs. */
const ROWS_PER_INPUT = 24

export interface Reconstructed {
  model: Model
  refitted: Refitted[]
  failed: NotALayer[]
}

/**
 * Fits a copy of the pruned model, whose layers are matched by name with `original`; `feeds` are what it must still run
 * with. What cannot be fitted stays as it was cut, and is told.
 */
export async function reconstruct(
  original: Model,
  { model: cut, kept }: { model: Model; kept: Kept },
  source: ShapeSource,
  feeds: Values,
  options: ReconstructOptions,
): Promise<Reconstructed> {
  const pruned = cut.clone()
  const refitted: Refitted[] = []
  const failed: NotALayer[] = []
  const layers = layersToFit(original, pruned, source, kept)
  for (const [index, name] of layers.entries()) {
    options.progress(index / layers.length, `fitting layer ${index + 1} of ${layers.length}`)
    const node = pruned.graph.nodes.find((one) => one.outputs[0] === name)!
    const layer = productLayer(pruned.graph, node)
    if (!layer) continue
    try {
      const fitted = await fitLayer({ original, pruned, layer, source, kept, options })
      if (typeof fitted === 'string') failed.push({ layer: name, reason: `not refitted: ${fitted}` })
      else refitted.push({ layer: name, op: node.opType, ...fitted })
    } catch (thrown) {
      failed.push({ layer: name, reason: `not refitted: ${partFailure(thrown)}` })
    }
  }
  const strange = await answersLike(pruned, cut, feeds)
  if (!strange) return { model: pruned, refitted, failed }
  const none = refitted.map(({ layer }) => ({ layer, reason: `not refitted: ${strange}` }))
  return { model: cut, refitted: [], failed: [...failed, ...none] }
}

const channelAxis = (layer: Layer, value: string, source: ShapeSource): number =>
  layer.kind === 'conv' ? 1 : source.shapes.get(value)!.dims.length - 1

/** Outputs of layers whose inputs lost channels, in order; weights used twice stay as they were cut. */
function layersToFit(original: Model, pruned: Model, source: ShapeSource, kept: Kept): string[] {
  const uses = pruned.graph.consumerMap()
  const after = new Map(pruned.graph.nodes.map((node) => [node.outputs[0], node]))
  return original.graph.nodes.flatMap((node) => {
    const layer = productLayer(original.graph, node)
    const cut = layer && after.get(layer.name)
    if (!cut || !kept(layer.input, channelAxis(layer, layer.input, source))) return []
    return uses.get(cut.inputs[1]!)?.length === 1 ? [layer.name] : []
  })
}

interface FitTask {
  original: Model
  pruned: Model
  layer: Layer
  source: ShapeSource
  kept: Kept
  options: ReconstructOptions
}

async function fitLayer(task: FitTask): Promise<{ before: number; after: number } | string> {
  const { pruned, layer } = task
  const { groups, inputs, outputs } = layer.product
  const { fit, aside } = await refitSums(task)
  const rows = layer.columns()
  const w = new Float64Array(rows.length)
  const bias = new Float64Array(groups * outputs)
  const error = { before: 0, after: 0 }
  for (let g = 0; g < groups; g++) {
    const from = g * inputs * outputs
    const start = matrix(inputs, outputs, Float64Array.from(rows.subarray(from, from + inputs * outputs)))
    if (aside[g]!.samples === 0) return 'there are too few samples to keep some aside'
    const solved =
      inputs <= MOST_INPUTS
        ? await fitRidge(matmul, fit[g]!, aside[g]!, start)
        : { w: start, before: 0, after: 0, damping: undefined }
    if (solved.damping === undefined) fit[g]!.add(aside[g]!)
    w.set(solved.w.data, from)
    bias.set(fit[g]!.biasFor(solved.w.data), g * outputs)
    error.before += solved.before / groups
    error.after += solved.after / groups
  }
  if (!w.every(Number.isFinite) || !bias.every(Number.isFinite)) return 'the fit is not finite'
  const old = layer.bias?.tensor?.floats()
  const change = bias.map((value, i) => value - (old?.[i] ?? 0))
  if (!addToBias(pruned.graph, layer, change)) return 'its bias is computed by the model'
  pruned.graph.initializers.set(layer.weight, layer.withColumns(Float32Array.from(w)))
  return error
}

/** Sums to fit by and sums kept aside, one of each a group. */
export async function refitSums({
  original,
  pruned,
  layer,
  source,
  kept,
  options,
}: FitTask): Promise<{ fit: Regression[]; aside: Regression[] }> {
  const dimsOf = (value: string): number[] =>
    source.shapes.get(value)!.dims.map((length, axis) => kept(value, axis)?.length ?? length)
  const dims = { input: dimsOf(layer.input), output: dimsOf(layer.name) }
  const axis = channelAxis(layer, layer.name, source)
  const { size, limit } = sampling(layer, dims.output, {
    rowsPerInput: ROWS_PER_INPUT,
    batches: 2 * ASIDE_EVERY,
    most: options.samples,
    fixedBatch: options.fixedBatch,
  })
  const task = { ...stillMade(original, layer.name, axis, kept(layer.name, axis)), layer, dims }
  const found = await collect(pruned, { regressions: [task] }, () => options.batches(size, limit))
  return found.regression(layer)!
}

/** The original with those channels of a value that the pruned model still makes as a value of their own. */
function stillMade(
  original: Model,
  value: string,
  axis: number,
  stays: Int32Array | undefined,
): { original: Model; target: string } {
  if (!stays) return { original, target: value }
  const model = prefixOf(original, [value])
  const indices = model.graph.addInitializer('kept', Tensor.int64([...stays]))
  const target = model.graph.freshName('still_made')
  model.graph.addNode({
    opType: 'Gather',
    inputs: [value, indices],
    outputs: [target],
    attributes: { axis: { int: axis } },
  })
  return { original: model, target }
}
