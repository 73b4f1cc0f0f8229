import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { formatBytes } from '../../contract/format'
import type { Model } from '../onnx'
import { definePass, type PassContext, type PassResult } from './pass'
import { assemble, type Assembled } from './quantization/assemble'
import { divergences } from '../evaluate/comparison/divergence'
import { activationSqnr, layerReports, type LayerTreatment } from '../evaluate/comparison/layer-report'
import { BITS_TOLD, LOSS_TOLD, METHODS_TOLD, exclude, leastWeights, lowBitFields, samples } from './fields'
import { nothingReason, tableWithin } from './quantization/nothing-to-do'
import { refusedLayers } from './loads'
import { bitsOf, methods, methodWords, type LowBit } from './quantization/low-bit'
import { quantizeAll } from './quantization/quantize-all'
import { ORDERS } from './quantization/sequence'
import { sampleCounts } from './quantization/sample-counts'
import {
  chooseWidths,
  exceptionsTold,
  LARGER_AS_CODES,
  largerAsCodes,
  WIDE,
  widthsTold,
  type Exceptions,
  type WidthProblem,
  type Widths,
} from './quantization/widths'
import { normalize } from '../layers/normalize'
import { GRID_NAMES, GRIDS, isGrid } from '../math/quantize/grids'
import { noiseShare } from '../math/quantize/sqnr'
import { ENCODINGS, storages } from '../layers/encodings'
import { calibrationBatches, evaluationBatches } from '../data/feeds'
import { isExcluded, LEFT_ALONE, openLayers, reasonsTold } from '../layers/left-out'
import type { Layer } from '../layers/layer'
import { taskOf } from '../tasks'

const ID = 'quantize-weights'

/** Plug-ins bring methods and storages. */
const params = () =>
  z.object({
    bits: z
      .int()
      .min(1)
      .max(8)
      .default(4)
      .meta({
        label: 'Bits',
        help: 'Bits of a weight. 4 rarely costs quality; 2 and 1 need training to be good.',
        told: BITS_TOLD,
        search: [8, 4, 3, 2],
      }),
    method: z
      .enum(methods())
      .default('gptq')
      .meta({
        label: 'Method',
        help: `How codes are chosen. "gptq" and "awq" look at calibration data; "kmeans" finds shared values; ${methodWords()}.`,
        told: METHODS_TOLD,
        search: ['gptq', 'kmeans', ...GRID_NAMES.filter((name) => GRIDS[name].searched)],
      }),
    order: z.enum(ORDERS).default('parallel').meta({
      label: 'Order',
      help: 'For "gptq": "parallel" shows all layers what they get in the original; "layers" shows each what the quantized layers before it leave and lets it make up for their errors, which was measured to pay at 2 bits and to take three to five times as long; "blocks" does so once a block.',
      advanced: true,
    }),
    ...lowBitFields,
    codebook: z.enum(['tensor', 'channel']).default('tensor').meta({
      label: 'Shared values (codebook)',
      help: 'For "kmeans": one list of values a tensor, or one per output channel.',
      advanced: true,
    }),
    storage: z.enum(storages()).default('auto').meta({
      label: 'Storage',
      help: '"matmulnbits" keeps matrices packed in memory (ONNX Runtime on CPUs); "dequantize-linear" is the form of the ONNX standard, for other runtimes; "plain" is restored when loaded, by basic operators every provider runs. "auto" is the last on phones with accelerators, else the first.',
      advanced: true,
    }),
    maxLoss: z.number().min(0).max(100).default(1).meta({
      label: 'Largest loss',
      unit: 'points',
      told: LOSS_TOLD,
      help: 'Answers out of 100 that may change; where the model names no classes, percent of the variance of its outputs that may be error. Layers take 8 bits instead, costliest first, until this holds, and stay float where that does not do; 100 turns it off.',
    }),
    samples: samples(128),
    leastWeights: leastWeights(0),
    exclude,
  })

type Params = z.output<ReturnType<typeof params>>

const NONE: ReadonlySet<string> = new Set()

export const quantizeWeights = definePass({
  id: ID,
  title: 'Low-bit weights',
  term: 'weight-only quantization',
  family: 'quantization',
  role: 'encodes',
  after: ['removes', 'trains', 'prepares'],
  summary: 'Weights take 1 to 8 bits, values between layers stay float: the smallest files, at float speed.',
  sources: [
    'arXiv:2210.17323',
    'arXiv:2504.02692',
    'arXiv:2306.00978',
    'arXiv:1510.00149',
    ...GRID_NAMES.flatMap((name) => GRIDS[name].sources ?? []),
    ...new Set(
      ENCODINGS.flatMap(({ weights, sources }) => (weights?.some(({ packed }) => packed) ? sources : [])),
    ),
  ],
  params,
  check(_model, { method, symmetric }) {
    const reason = isGrid(method) && symmetric ? GRIDS[method].onlyAsymmetric : undefined
    if (reason) throw new PareError('pass/bad-parameter', { pass: ID, parameter: 'symmetric', reason })
  },
  run,
})

/** Said because it is what was measured, and other runtimes differ. */
const FUSED =
  'ONNX Runtime on CPUs multiplies DequantizeLinear weights by activations rounded to int8 (session.qdq_matmulnbits_accuracy_level), and so it was measured'

const isFused = ({ op, treatment }: LayerTreatment): boolean =>
  op === 'MatMul' && treatment.endsWith('DequantizeLinear')

async function run(model: Model, options: Params, context: PassContext): Promise<PassResult> {
  const { model: prepared, notes } = normalize(model)
  const found = openLayers(prepared, { throughViews: true, bodies: true }, (layer) =>
    reasonToSkip(layer, options),
  )
  const { layers: open, skipped } = found
  if (open.length === 0)
    throw new PareError('model/nothing-to-do', {
      by: ID,
      reason: nothingReason(prepared.graph, [...skipped, ...found.others]),
    })
  const how = { ...options, by: ID }
  const codes = await quantizeAll(prepared, open, how, context)
  let widened = codes
  const codesIn = ({ floats, wide }: Exceptions): ((layer: Layer) => LowBit | undefined) => {
    const keysOf = (names: ReadonlySet<string>): Set<string> =>
      new Set(open.flatMap(({ name, rowsKey }) => (names.has(name) ? [rowsKey] : [])))
    const [asFloats, asWide] = [keysOf(floats), keysOf(wide)]
    // Floats that one layer reads lie in the file: the codes of those tied to it would come on top.
    return ({ rowsKey }) =>
      asFloats.has(rowsKey) ? undefined : (asWide.has(rowsKey) ? widened : codes).get(rowsKey)
  }
  const build = (exceptions: Exceptions, some = open): Assembled =>
    assemble(prepared, some, codesIn(exceptions), { storage: options.storage, target: context.target })
  const larger = largerAsCodes(prepared, open, (some) => build({ floats: NONE, wide: NONE }, some).model)
  for (const layer of larger) skipped.push({ layer, reason: LARGER_AS_CODES })
  const layers = open.filter(({ name }) => !larger.has(name))
  const names = layers.map(({ name }) => name)
  const tied = new Map<string, string[]>()
  for (const { name, rowsKey } of layers) tied.set(rowsKey, [...(tied.get(rowsKey) ?? []), name])
  context.progress(0.8, 'loading the result')
  const refused = await refusedLayers(
    names,
    (floats) => build({ floats: new Set([...floats, ...larger]), wide: NONE }).model,
  )
  for (const [layer, reason] of refused) skipped.push({ layer, reason })
  const floats = new Set([...refused.keys(), ...larger])
  if (floats.size === open.length)
    throw new PareError('model/nothing-to-do', { by: ID, reason: reasonsTold(skipped)! })
  const widths = await withinLimit(prepared, [...tied.values()], floats, options, context, {
    build: (exceptions) => build(exceptions).model,
    async widen() {
      const progress = (): void => context.signal.throwIfAborted()
      const eight = { ...how, bits: WIDE, method: 'rtn' }
      widened = await quantizeAll(prepared, layers, eight, { ...context, progress })
    },
  })
  const result = build(widths)
  skipped.push(...exceptionsTold(widths, floats))
  context.progress(0.92, 'measuring each layer')
  const sources = treatmentsOf(layers, codesIn(widths), result, options)
  const measured = context.data
    ? await activationSqnr(
        prepared,
        result.model,
        sources.map(({ value }) => value!),
        calibrationBatches(context, 32, ID),
      )
    : new Map<string, number>()
  const summary = [
    summaryOf(sources, options, context),
    ...widthsTold(widths, layers.length, options.maxLoss),
    ...(sources.some(isFused) ? [FUSED] : []),
    ...notes,
  ].join('; ')
  return { model: result.model, summary: `${summary}.`, skipped, layers: layerReports(sources, measured) }
}

/** Which layers get 8 bits or floats instead, for the limit on what the outputs may lose. */
async function withinLimit(
  prepared: Model,
  tied: readonly (readonly string[])[],
  floats: ReadonlySet<string>,
  { bits, maxLoss, samples }: Params,
  context: PassContext,
  { build, widen }: Pick<WidthProblem, 'build' | 'widen'>,
): Promise<Widths> {
  // Without data nothing tells what the model is fed with.
  if (maxLoss >= 100 || !context.data) return { floats, wide: NONE }
  const classes = taskOf(context.data.task).protects === 'class'
  const counts = await sampleCounts(prepared, { samples }, context)
  const few = evaluationBatches(context, counts.toChoose, ID)
  const many = evaluationBatches(context, counts.toEvaluate, ID)
  return chooseWidths({
    tied: tied.filter(([name]) => !floats.has(name!)),
    floats,
    limit: maxLoss,
    // Weights alone are rounded in both, and what they add to the outputs adds up: the same question as here.
    known: () => outputNoise(prepared, context, bits),
    build,
    widen: bits < WIDE ? widen : undefined,
    evaluate: async (candidate) => (await divergences(prepared, [candidate], many, { classes }))[0]!,
    compare: (candidates) => divergences(prepared, candidates, few, { classes }),
    progress: (done, doing) => context.progress(0.8 + 0.1 * done, doing),
  })
}

/** Noise over signal at the outputs when a layer alone is rounded, where it was measured before. */
async function outputNoise(
  prepared: Model,
  { sensitivities }: PassContext,
  bits: number,
): Promise<Map<string, number>> {
  const found = (await sensitivities?.known(prepared, bits)) ?? []
  return new Map(found.map(({ layer, sqnr }) => [layer, noiseShare(sqnr)]))
}

function reasonToSkip(layer: Layer, options: Params): string | undefined {
  const { node, tensor } = layer
  if (isExcluded(options.exclude, layer)) return LEFT_ALONE
  if (tensor.size < options.leastWeights) return `only ${tensor.size} weights`
  if (layer.within && node.is('Gather')) return tableWithin(layer.within)
  return layer.inputIssue
}

function treatmentsOf(
  layers: readonly Layer[],
  codesOf: (layer: Layer) => LowBit | undefined,
  { forms }: Assembled,
  options: Params,
): LayerTreatment[] {
  const counted = new Set<LowBit>()
  return layers.map((layer) => {
    const low = codesOf(layer)
    const common = { layer: layer.name, op: layer.node.opType, value: layer.place }
    const bytesBefore = layer.tensor.byteLength
    const form = forms.get(layer.name)
    if (!form || !low) return { ...common, treatment: 'kept in float', bytesBefore, bytesAfter: bytesBefore }
    const tied = counted.has(low)
    counted.add(low)
    const bytesAfter = tied ? 0 : form.bytes(low)
    const treatment = `${low.bits}-bit ${low.method}, ${tied ? 'shared with a tied layer' : form.words}`
    return {
      ...common,
      treatment,
      bytesBefore: tied ? 0 : bytesBefore,
      bytesAfter,
      weightSqnr: low.weightSqnr,
      reason: tied && options.bits ? 'tied weights are stored once' : undefined,
    }
  })
}

function summaryOf(sources: readonly LayerTreatment[], options: Params, context: PassContext): string {
  const bits = bitsOf(options)
  const done = sources.filter(({ treatment }) => treatment !== 'kept in float')
  const asAsked = done.filter(({ treatment }) => treatment.startsWith(`${bits}-bit`))
  const before = done.reduce((sum, { bytesBefore }) => sum + bytesBefore!, 0)
  const after = done.reduce((sum, { bytesAfter }) => sum + bytesAfter!, 0)
  const blind =
    (options.method === 'gptq' || options.method === 'awq') && !context.data
      ? ' (no data to look at, so codes are chosen by the weights alone)'
      : ''
  return `${asAsked.length} of ${sources.length} layers take ${bits === 1 ? '1 bit' : `${bits} bits`} by ${options.method}${blind}: ${formatBytes(before)} of weights became ${formatBytes(after)}, ${(before / after).toFixed(1)}× less`
}
