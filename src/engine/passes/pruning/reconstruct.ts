/**
 * After removal, the layers that read what was cut are fitted again: least squares from the pruned model's own
 * activations to the original's outputs, layer by layer from the input on, so that each also makes up for what
 * went wrong before it. Needs no labels. Sources: arXiv:1707.06168 (channel pruning), arXiv:1707.06342 (ThiNet).
 */
import { fitRidge, Regression } from '../../math/pruning/ridge'
import { matrix } from '../../math/matrix'
import type { Model } from '../../onnx'
import { openSession, type Session, type Values, matmul } from '../../runtime'
import { linearLayer, tensorOfRows, weightRows, type LinearLayer } from '../layerwise/patches'
import { openProducts, type Products } from '../layerwise/products'
import { prefixOf } from '../layerwise/prefix'
import { addToBias } from './bias'
import type { ShapeSource } from './collect'
import type { Kept } from './remove'

export interface Refitted {
  layer: string
  op: string
  /** Share of the output's variance that is error, on samples kept aside. */
  before: number
  after: number
}

export interface ReconstructOptions {
  /** Batches of `size` samples, at most `limit` in all. */
  batches(size: number, limit: number): AsyncIterable<Values>
  samples: number
  fixedBatch?: number
  progress(done: number, doing: string): void
}

/** Products of more inputs than this are not solved; only the bias is corrected. */
const MOST_INPUTS = 5000
/** Rows of X held at once, in bytes. */
const ROW_BYTES = 2 ** 26
/** Rows a layer wants for each of its inputs. */
const ROWS_PER_INPUT = 24
/** Every so many batches one is kept aside to choose the damping by. */
const ASIDE_EVERY = 4

/** Edits `pruned`. Layers are matched by name with `original`, from which `kept` took channels. */
export async function reconstruct(
  original: Model,
  pruned: Model,
  source: ShapeSource,
  kept: Kept,
  options: ReconstructOptions,
): Promise<Refitted[]> {
  const done: Refitted[] = []
  const layers = layersToFit(original, pruned, source, kept)
  for (const [index, name] of layers.entries()) {
    options.progress(index / layers.length, `fitting layer ${index + 1} of ${layers.length}`)
    const node = pruned.graph.nodes.find((one) => one.outputs[0] === name)!
    const layer = linearLayer(pruned.graph, node)
    if (!layer) continue
    const fitted = await fitLayer({ original, pruned, layer, source, kept, options })
    if (fitted) done.push({ layer: name, op: node.opType, ...fitted })
  }
  return done
}

const channelAxis = (layer: LinearLayer, value: string, source: ShapeSource): number =>
  layer.kind === 'conv' ? 1 : source.shapes.get(value)!.dims.length - 1

/** Outputs of layers whose inputs lost channels, in order; weights used twice stay as they were cut. */
function layersToFit(original: Model, pruned: Model, source: ShapeSource, kept: Kept): string[] {
  const uses = pruned.graph.consumerMap()
  const after = new Map(pruned.graph.nodes.map((node) => [node.outputs[0], node]))
  return original.graph.nodes.flatMap((node) => {
    const layer = linearLayer(original.graph, node)
    const cut = layer && after.get(layer.output)
    if (!cut || !kept(layer.input, channelAxis(layer, layer.input, source))) return []
    return uses.get(cut.inputs[1]!)?.length === 1 ? [layer.output] : []
  })
}

export interface FitTask {
  original: Model
  pruned: Model
  layer: LinearLayer
  source: ShapeSource
  kept: Kept
  options: ReconstructOptions
}

async function fitLayer(task: FitTask): Promise<{ before: number; after: number } | undefined> {
  const { pruned, layer } = task
  const { groups, inputs, outputs } = layer.shape
  const [fit, aside] = await regressions(task)
  const rows = weightRows(layer, pruned.graph)
  const w = new Float64Array(rows.length)
  const bias = new Float64Array(groups * outputs)
  const error = { before: 0, after: 0 }
  for (let g = 0; g < groups; g++) {
    const from = g * inputs * outputs
    const start = matrix(inputs, outputs, Float64Array.from(rows.subarray(from, from + inputs * outputs)))
    if (aside[g]!.samples === 0) return undefined
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
  if (![...w, ...bias].every(Number.isFinite)) return undefined
  const old = layer.node.is('MatMul')
    ? undefined
    : pruned.graph.initializers.get(layer.node.inputs[2] ?? '')?.floats()
  if (
    !addToBias(
      pruned.graph,
      layer,
      bias.map((value, i) => value - (old?.[i] ?? 0)),
    )
  )
    return undefined
  pruned.graph.initializers.set(layer.weight, tensorOfRows(layer, pruned.graph, w))
  return error
}

/** Sums to fit by and sums kept aside, one of each a group. */
export async function regressions({
  original,
  pruned,
  layer,
  source,
  kept,
  options,
}: FitTask): Promise<[Regression[], Regression[]]> {
  const { groups, inputs, outputs } = layer.shape
  const shapeOf = (value: string): number[] =>
    source.shapes.get(value)!.dims.map((length, axis) => kept(value, axis)?.length ?? length)
  const outDims = source.shapes.get(layer.output)!.dims
  const targets = outDims[channelAxis(layer, layer.output, source)]! / groups
  const columns = keptColumns(kept(layer.output, channelAxis(layer, layer.output, source)), groups, targets)
  const products = await openProducts(layer, pruned.graph.initializers.get(layer.weight)!, {
    inDims: shapeOf(layer.input),
    outDims,
    targets,
  })
  const sessions: Session[] = []
  const fit = Array.from({ length: groups }, () => new Regression(inputs, outputs))
  const aside = Array.from({ length: groups }, () => new Regression(inputs, outputs))
  try {
    const before = await openSession(prefixOf(original, [layer.output]))
    sessions.push(before)
    const after = await openSession(prefixOf(pruned, [layer.input]))
    sessions.push(after)
    const rows = Math.max(
      1,
      layer.kind === 'conv'
        ? outDims.slice(2).reduce((n, d) => n * d, 1)
        : outDims.slice(1, -1).reduce((n, d) => n * d, 1),
    )
    const size =
      options.fixedBatch ?? Math.max(1, Math.min(32, Math.floor(ROW_BYTES / (rows * inputs * groups * 4))))
    const limit = Math.min(
      options.samples,
      Math.max(2 * ASIDE_EVERY * size, Math.ceil((ROWS_PER_INPUT * inputs) / rows)),
    )
    let batch = 0
    for await (const feeds of options.batches(size, limit)) {
      const y = (await before.run(feeds, [layer.output]))[layer.output]!
      const x = (await after.run(feeds, [layer.input]))[layer.input]!
      spread(await products.add(x, y), batch++ % ASIDE_EVERY === 1 ? aside : fit, columns, targets)
    }
  } finally {
    for (const session of [products, ...sessions]) await session.release()
  }
  return [fit, aside]
}

/** For each group the columns of its target that are still made. */
function keptColumns(kept: Int32Array | undefined, groups: number, perGroup: number): number[][] {
  const all = kept ?? Int32Array.from({ length: groups * perGroup }, (_, i) => i)
  const columns: number[][] = Array.from({ length: groups }, () => [])
  for (const channel of all) columns[Math.floor(channel / perGroup)]!.push(channel % perGroup)
  return columns
}

function spread(
  products: Products,
  into: readonly Regression[],
  columns: readonly number[][],
  targets: number,
): void {
  const [xy, y, yy] = [products.xy!, products.y!, products.yy!]
  into.forEach((sums, g) => {
    const k = sums.inputs
    const own = columns[g]!
    const pick = (vector: Float32Array): Float32Array =>
      Float32Array.from(own, (column) => vector[g * targets + column]!)
    const cross = new Float32Array(k * own.length)
    for (let i = 0; i < k; i++)
      own.forEach((column, j) => (cross[i * own.length + j] = xy[(g * k + i) * targets + column]!))
    sums.add({
      xx: products.xx.subarray(g * k * k, (g + 1) * k * k),
      xy: cross,
      x: products.x.subarray(g * k, (g + 1) * k),
      y: pick(y),
      yy: pick(yy),
      samples: products.rows,
    })
  })
}
