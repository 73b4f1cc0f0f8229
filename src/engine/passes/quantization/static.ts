/** Static quantization of one model: from calibrated histograms to a graph of QuantizeLinear pairs. */
import { plural } from '../../../contract/format'
import { jointRange, type Calibrator } from '../../math/quantize/calibrate'
import type { Histogram } from '../../math/quantize/histogram'
import type { IntegerType } from '../../math/quantize/affine'
import type { Model } from '../../onnx'
import type { Batches } from '../../data/feeds'
import { collect } from '../../layers/statistics/collect'
import type { Moments } from '../../layers/statistics/moments'
import { planActivations, rangeSources, type Plan } from './plan'
import { insertQdq } from './qdq'
import { findQuantizable, type QuantizableOptions } from './quantizable-ops'
import type { WeightOptions, WeightStore } from './static-weights'
import { findLayers, weightedLayers } from '../../layers/find'
import { isExcluded } from '../../layers/left-out'
import { ALL_OPS } from '../../layers/kinds'
import { finiteWeights, type Layer } from '../../layers/layer'

export interface StaticOptions extends QuantizableOptions {
  activations: IntegerType
  calibrator: Calibrator
  weights: WeightOptions
  /** Biases make up for what rounding the weights adds on average. */
  correctBias: boolean
  /** Layers whose activations get 16 bits. */
  wide?: ReadonlySet<string>
  /** Layers that are left out of the integers but for their stored weights. */
  storedOnly?: ReadonlySet<string>
  /** See `insertQdq`. */
  apart?: boolean
}

export interface Calibrated {
  histograms: ReadonlyMap<string, Histogram>
  /** Inputs of layers with weights, by channel. */
  channels: ReadonlyMap<string, Moments>
  /** Values no integer range can hold, and why. */
  unfit: ReadonlyMap<string, string>
}

export interface StaticResult {
  model: Model
  plan: Plan
  embeddings: Layer[]
  /** Int8 in the file, float arithmetic: what has no integer kernel here, what lies in bodies, `storedOnly`. */
  stored: Layer[]
  skipped: { layer: string; reason: string }[]
  /** What reports say of the weights, by layer. */
  written: WeightStore['written']
}

/** Values of an embedding below which bytes saved are not worth its error: tables of positions, say. */
const SMALLEST_TABLE = 16384

/** Operators that are computed on integers. */
const PRODUCTS = ['Conv', 'Gemm', 'MatMul']
const OTHERS = ALL_OPS.filter((op) => op !== 'Gather')

const fusesRelu = (type: IntegerType): boolean => !type.symmetric

/**
 * Histograms of every value that may be quantized, whatever layers are left out later. One pass over the data.
 * Throws `model/non-finite` in the name of `by` for weights that are no numbers, before anything runs.
 */
export async function calibrate(
  model: Model,
  options: QuantizableOptions & { activations: IntegerType },
  batches: Batches,
  { by, extremesOnly, progress }: { by: string; extremesOnly?: boolean; progress?(batch: number): void },
): Promise<Calibrated> {
  const names = new Set<string>()
  const axisOf = new Map<string, number>()
  for (const exclude of [undefined, options.exclude]) {
    const { ops } = findQuantizable(model.graph, { ...options, exclude })
    for (const { weight, inputs } of ops) {
      if (!weight) continue
      if (exclude === options.exclude) finiteWeights(weight.weight, weight.tensor, by)
      axisOf.set(inputs[0]!, weight.kind === 'conv' ? 1 : -1)
    }
    for (const fuse of [true, false])
      for (const name of planActivations(model.graph, ops, { fuse }).quantized) names.add(name)
  }
  const channelsOf = [...axisOf].filter(([name]) => names.has(name))
  const wanted = { histograms: names, extremesOnly, moments: channelsOf }
  const { histograms, moments } = await collect(model, wanted, batches, { progress })
  const channels = new Map(
    channelsOf.flatMap(([name, axis]) => {
      const found = moments(name, axis)
      return found ? [[name, found]] : []
    }),
  )
  const unfit = new Map(
    [...histograms].flatMap(([name, histogram]) => {
      const reason = histogram.unfit
      return reason ? [[name, reason]] : []
    }),
  )
  return { histograms, channels, unfit }
}

/** A quantized clone of `model`; the histograms must be of the same graph. */
export function quantizeStatically(
  model: Model,
  calibrated: Calibrated,
  options: StaticOptions,
): StaticResult {
  const clone = model.clone()
  const { graph } = clone
  const found = findQuantizable(graph, options)
  const skipped = [...found.skipped]
  const fuse = fusesRelu(options.activations)
  let { ops } = found
  let plan = planActivations(graph, ops, { fuse })
  for (;;) {
    const left = ops.filter((op) => {
      const [reason] = [...op.inputs, op.output].flatMap((name) => whyUnfit(name, plan, calibrated) ?? [])
      if (reason) skipped.push({ layer: op.layer, reason })
      return !reason
    })
    if (left.length === ops.length) break
    ops = left
    plan = planActivations(graph, ops, { fuse })
  }
  const consumers = graph.consumerMap()
  const wide = new Set(ops.filter((op) => options.wide?.has(op.layer)).flatMap((op) => op.inputs))
  const tables = weightedLayers(graph, ['Gather']).filter(
    (layer) => layer.tensor.dtype === 'float32' && !isExcluded(options.exclude, layer),
  )
  const embeddings = tables.filter(({ tensor }) => tensor.size >= SMALLEST_TABLE)
  for (const { name, tensor } of tables)
    if (tensor.size < SMALLEST_TABLE)
      skipped.push({ layer: name, reason: `only ${tensor.size} weights: not worth it` })
  const stored = findLayers(graph, { ops: OTHERS, bodies: true }).layers.filter((layer) => {
    const { name, node, tensor, within } = layer
    if (tensor.dtype !== 'float32' || tensor.size < (options.smallest ?? 0)) return false
    const isComputed = !within && node.is(...PRODUCTS)
    return options.storedOnly?.has(name) || (!isComputed && !isExcluded(options.exclude, layer))
  })
  const written = insertQdq(clone, plan, {
    weights: {
      ...options.weights,
      ...(options.correctBias && { meanOf: (name) => calibrated.channels.get(name)?.mean }),
    },
    embeddings,
    stored,
    ...(options.apart && { apart: true }),
    activation(name) {
      const group = plan.groups.get(name)!
      const type = group.some((member) => wide.has(member))
        ? { ...options.activations, bits: 16 }
        : options.activations
      const sources = rangeSources(group, plan, consumers)
      const histograms = sources.flatMap((source) => calibrated.histograms.get(source) ?? [])
      const range = jointRange(histograms, options.calibrator, { type })
      return { type, range }
    },
  })
  return { model: clone, plan, embeddings, stored, skipped, written }
}

function whyUnfit(name: string, plan: Plan, { histograms, unfit }: Calibrated): string | undefined {
  if (!plan.quantized.has(name)) return undefined
  const member = plan.groups.get(name)!.find((one) => unfit.has(one))
  if (member !== undefined) return member === name ? unfit.get(member) : `${member}: ${unfit.get(member)!}`
  return histograms.has(name) ? undefined : `no calibration sample gave ${name} a value`
}

/** What is stored as integers without computing in them, in words. */
export function storedTold({ embeddings, stored }: StaticResult): string[] {
  const parts: string[] = []
  if (embeddings.length > 0)
    parts.push(`${plural(embeddings.length, 'embedding is', 'embeddings are')} stored as int8`)
  const inBodies = stored.filter(({ within }) => within).length
  if (inBodies > 0)
    parts.push(
      `${plural(inBodies, 'layer', 'layers')} within If, Loop or Scan stored as int8 and computed in float`,
    )
  const others = stored.filter(({ node, within }) => !node.is(...PRODUCTS) && !within)
  const nodes = new Set(others.map(({ node }) => node))
  const names = [...new Set(others.map(({ node }) => node.opType))].sort().join(', ')
  if (nodes.size > 0)
    parts.push(
      `${plural(nodes.size, 'layer is', 'layers are')} stored as int8 and computed in float, as there is no integer kernel that reads a scale a channel for ${names}`,
    )
  return parts
}
