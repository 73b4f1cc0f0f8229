import { z } from 'zod'
import type { LayerReport } from '../../contract/report'
import { PareError } from '../../contract/errors'
import { CALIBRATORS, type Calibrator } from '../math/quantize/calibrate'
import type { IntegerType } from '../math/quantize/affine'
import type { Model } from '../onnx'
import { definePass, type PassContext, type PassResult } from './pass'
import { adaptiveCodes, onScalesOf } from './quantization/adaptive'
import { findQuantizable } from './quantization/quantizable-ops'
import { divergences, type Divergence } from '../evaluate/comparison/divergence'
import { activationSqnr, layerReports, type LayerTreatment } from '../evaluate/comparison/layer-report'
import { gainText, keepFloat, keepFloatSentence, type KeptFloat } from './quantization/keep-float'
import { nothingReason } from './quantization/nothing-to-do'
import { toOperators } from './quantization/operators'
import { normalize } from '../layers/normalize'
import { calibrationBatches, evaluationBatches, type Batches } from '../data/feeds'
import { ALL_OPS } from '../layers/kinds'
import { leftOut } from '../layers/left-out'
import { sampleCounts } from './quantization/sample-counts'
import { asStored } from './quantization/stored-floats'
import {
  calibrate,
  quantizeStatically,
  storedTold,
  type StaticOptions,
  type StaticResult,
} from './quantization/static'
import { LOSS_TOLD, exclude, integerFields, samples } from './fields'
import { onAnswered } from './quantization/answered'
import { taskOf } from '../tasks'

const ID = 'quantize-static'

const SAMPLES_FOR_REPORT = 32

const ACTIVATIONS: Record<'uint8' | 'int8' | 'int8-symmetric', IntegerType> = {
  uint8: { bits: 8, signed: false, symmetric: false },
  int8: { bits: 8, signed: true, symmetric: false },
  'int8-symmetric': { bits: 8, signed: true, symmetric: true },
}

const params = z.object({
  activations: z.enum(['uint8', 'int8', 'int8-symmetric']).default('uint8').meta({
    label: 'Activations',
    help: 'Integer type of the values between layers. uint8 is fastest on Intel, AMD and ARM CPUs; some NPUs want int8.',
  }),
  calibration: z
    .enum(['auto', ...CALIBRATORS])
    .default('auto')
    .meta({
      label: 'Ranges (calibration)',
      help: 'How the range of each activation is found. "auto" tries all and keeps the one whose outputs stay closest to the original.',
      told: { 'min-max': 'whole ranges', mse: 'ranges of the least error', '*': 'ranges by {}' },
      search: ['auto', 'min-max', 'mse'],
    }),
  samples: samples(512),
  ...integerFields,
  rounding: z
    .enum(['nearest', 'adaptive'])
    .default('nearest')
    .meta({
      label: 'Rounding',
      help: '"adaptive" rounds weights so that the outputs on calibration data stay closest; slower. It needs a scale per channel.',
      told: { adaptive: 'adaptive rounding' },
      search: ['nearest', 'adaptive'],
    }),
  correctBias: z.boolean().default(true).meta({
    label: 'Correct biases',
    help: 'Biases make up for what rounding the weights adds on average.',
    advanced: true,
  }),
  attention: z
    .boolean()
    .default(false)
    .meta({
      label: 'Attention products',
      help: 'Also quantize products of two activations, as in attention: a few percent faster on CPUs, needed by some NPUs, and less exact.',
      told: { true: 'attention products too' },
      search: [false, true],
      advanced: true,
    }),
  maxLoss: z
    .number()
    .min(0)
    .max(100)
    .default(1)
    .meta({
      label: 'Largest loss',
      unit: 'points',
      help: 'Answers out of 100 that may change. Layers go back to float, costliest first, until this holds; 100 turns it off.',
      told: LOSS_TOLD,
      search: [0.5, 1, 100],
    }),
  sensitive: z.enum(['float', 'int16']).default('float').meta({
    label: 'Sensitive layers',
    help: 'What costly layers get instead: floats, or 16-bit activations (for NPUs that have them; slow on CPUs).',
    advanced: true,
  }),
  exclude,
  format: z.enum(['qdq', 'qoperator']).default('qdq').meta({
    label: 'Form',
    help: '"qdq" is read by every runtime and provider; "qoperator" has the integer operators themselves, for older ONNX Runtime builds on CPUs.',
    advanced: true,
  }),
})

type Params = z.output<typeof params>

export const quantizeStatic = definePass({
  id: ID,
  title: 'Static integer quantization',
  family: 'quantization',
  role: 'encodes',
  after: ['removes', 'trains', 'prepares'],
  summary:
    'Weights and activations become 8-bit integers with ranges measured on calibration samples: four times smaller, and faster where layers are large.',
  sources: ['arXiv:1712.05877', 'arXiv:2004.09602', 'ONNX QuantizeLinear', 'ONNX Runtime QDQ format'],
  needs: ['calibration'],
  params,
  check(_model, { rounding, perChannel }) {
    if (rounding !== 'nearest' && !perChannel)
      throw new PareError('pass/bad-parameter', {
        pass: ID,
        parameter: 'rounding',
        reason: 'only weights with a scale per channel can be rounded in another way than to the nearest',
      })
  },
  run: quantize,
})

/** Calibration is most of the work, then choosing the ranges, then giving layers back. */
async function quantize(model: Model, options: Params, context: PassContext): Promise<PassResult> {
  const prepared = normalize(model)
  const base = staticOptions(options, context)
  const counts = await sampleCounts(prepared.model, options, context)
  const sampled = {
    calibration: calibrationBatches(context, counts.calibration, ID),
    few: evaluationBatches(context, counts.toChoose, ID),
    many: evaluationBatches(context, counts.toEvaluate, ID),
  }
  const { calibrated, few, many, notes } = await onAnswered(prepared.model, sampled, (batches) =>
    calibrate(prepared.model, base, batches, {
      by: ID,
      extremesOnly: options.calibration === 'min-max',
      progress: (batch) =>
        context.progress(0.4 * Math.min(1, (batch * 16) / counts.calibration), 'measuring ranges'),
    }),
  )
  if (options.rounding === 'adaptive') {
    const layers = findQuantizable(prepared.model.graph, base).ops.flatMap(({ weight }) => weight ?? [])
    const codes = await adaptiveCodes(prepared.model, layers, few, {
      ...base.weights,
      progress: (done, doing) => context.progress(0.4 + 0.1 * done, doing),
    })
    base.weights = {
      ...base.weights,
      rounding: ({ name }, nearest) => onScalesOf(nearest, codes.get(name)),
    }
  }
  const build = (
    calibrator: Calibrator,
    floats: ReadonlySet<string> = new Set(),
    storedOnly: ReadonlySet<string> = new Set(),
  ): StaticResult =>
    quantizeStatically(prepared.model, calibrated, {
      ...base,
      calibrator,
      ...(options.sensitive === 'int16'
        ? { wide: floats }
        : { exclude: [...base.exclude!, ...floats], storedOnly }),
    })
  const measure = (models: readonly Model[], over: Batches): Promise<Divergence[]> =>
    divergences(prepared.model, models, over, { classes: taskOf(context.data!.task).protects === 'class' })
  const closest = async (models: readonly Model[]): Promise<number> => {
    const tried = await measure(models, few)
    return tried.reduce((leader, { sqnr }, i) => (sqnr > tried[leader]!.sqnr ? i : leader), 0)
  }
  const methods = options.calibration === 'auto' ? CALIBRATORS : [options.calibration]
  context.progress(0.4, 'choosing ranges')
  const results = methods.map((method) => build(method))
  const others = leftOut(prepared.model, ALL_OPS, true)
  const [{ plan, embeddings, stored }] = results as [StaticResult]
  if (plan.ops.length + embeddings.length + stored.length === 0)
    throw new PareError('model/nothing-to-do', {
      by: ID,
      reason: nothingReason(prepared.model.graph, [...results[0]!.skipped, ...others]),
    })
  const best = results.length > 1 ? await closest(results.map((result) => result.model)) : 0
  const method = methods[best]!
  const layers = results[best]!.plan.ops.map((op) => op.layer)
  // The cached sensitivities do not say which layers to suspect here: they are of weights alone, and what 8 bits cost
  // comes from activations. On a BERT the two orders of its 26 layers correlate at 0.3 (ranks), so all are measured.
  const kept = await keepFloat(results[best]!.model, {
    layers,
    limit: options.maxLoss,
    build: (floats) => build(method, floats).model,
    evaluate: (model) => measure([model], many).then(([measured]) => measured!),
    compare: (models) => measure(models, few),
    progress: (done, doing) => context.progress(0.5 + 0.4 * done, doing),
  })
  const result = await asStored(kept, options.maxLoss, {
    build: (stored) => build(method, new Set(kept.floats), stored),
    points: async (model) => (await measure([model], many))[0]!.points,
    order: async (models) => (await measure(models, few)).map(({ sqnr }) => sqnr),
  })
  context.progress(0.92, 'measuring each layer')
  const reports = await reportLayers(
    prepared.model,
    results[best]!,
    result,
    kept,
    options,
    evaluationBatches(context, SAMPLES_FOR_REPORT, ID),
  )
  const final =
    options.format === 'qoperator' ? await toOperators(result.model, context.scratch) : result.model
  return {
    model: final,
    summary: summaryOf(
      result,
      kept,
      layers.length,
      method,
      options,
      base,
      [...notes, ...prepared.notes],
      context,
    ),
    skipped: [
      ...others,
      ...result.skipped.filter(({ layer }) => !kept.floats.includes(layer)),
      ...keptReasons(kept, options),
    ],
    layers: reports,
  }
}

function staticOptions(options: Params, context: PassContext): StaticOptions {
  return {
    activations: ACTIVATIONS[options.activations],
    calibrator: 'min-max',
    attention: options.attention,
    correctBias: options.correctBias,
    exclude: options.exclude,
    weights: {
      perChannel: options.perChannel,
      bits: context.target.int8.weightBits,
      clip: options.weightClip,
      by: ID,
      cache: new Map(),
    },
  }
}

const keptReasons = (kept: KeptFloat, options: Params): { layer: string; reason: string }[] =>
  kept.floats.map((layer) => ({
    layer,
    reason: `${options.sensitive === 'int16' ? '16-bit activations' : 'computed in float'}: in int8 it alone costs ${gainText(kept, layer)}`,
  }))

const AS_INT8 = 'int8 weights, float arithmetic'

function reportLayers(
  original: Model,
  full: StaticResult,
  result: StaticResult,
  kept: KeptFloat,
  options: Params,
  batches: Batches,
): Promise<LayerReport[]> {
  const stayed = new Map(result.plan.ops.map((op) => [op.layer, op]))
  const asInt8 = new Set(result.stored.map(({ name }) => name))
  const planned = new Set(full.plan.ops.map(({ layer }) => layer))
  const sources: LayerTreatment[] = full.plan.ops.map(({ layer, node, weight }) => {
    const op = stayed.get(layer)
    const bytesBefore = weight?.tensor.byteLength
    const common = { layer, op: node.opType, bytesBefore }
    const reason = `costs ${gainText(kept, layer)} in int8`
    if (asInt8.has(layer)) return { ...common, treatment: AS_INT8, ...result.written.get(layer), reason }
    if (!op) return { ...common, treatment: 'kept in float', bytesAfter: bytesBefore, reason }
    const wide = options.sensitive === 'int16' && kept.floats.includes(layer)
    const treatment = `int8 ${options.perChannel ? 'per-channel' : 'per-tensor'}${wide ? ', 16-bit activations' : ''}`
    return { ...common, treatment, value: op.output, ...result.written.get(layer) }
  })
  for (const { name, place, node, tensor } of [...result.embeddings, ...result.stored]) {
    if (planned.has(name)) continue
    sources.push({
      layer: name,
      op: node.opType,
      value: place,
      treatment: node.is('Gather') ? 'int8 per row' : AS_INT8,
      bytesBefore: tensor.byteLength,
      ...result.written.get(name),
    })
  }
  const names = sources.map(({ layer, value }) => value ?? layer)
  return activationSqnr(original, result.model, names, batches).then((found) => layerReports(sources, found))
}

function summaryOf(
  result: StaticResult,
  kept: KeptFloat,
  layers: number,
  method: Calibrator,
  options: Params,
  base: StaticOptions,
  notes: string[],
  context: PassContext,
): string {
  const done = layers - (options.sensitive === 'int16' ? 0 : kept.floats.length)
  const chosen =
    options.calibration === 'auto' ? ` (closest to the original of ${CALIBRATORS.length} tried)` : ''
  const parts = layers === 0 ? [] : [`${done} of ${layers} layers run on int8 with ${method} ranges${chosen}`]
  parts.push(...storedTold(result))
  const sentence = keepFloatSentence(kept, layers, options.maxLoss)
  if (sentence)
    parts.push(
      options.sensitive === 'int16' ? sentence.replace('stay float', 'get 16-bit activations') : sentence,
    )
  const scores = result.model.graph.nodes.filter((node) => node.is('Softmax')).length
  if (scores > 0)
    parts.push(`the inputs of ${scores} Softmax and what is added to them (attention masks) stay float`)
  const { because = 'asked', note } = context.target.int8
  if (base.weights.bits < 8) parts.push(`weights use ${base.weights.bits} of their 8 bits, as ${because}`)
  if (note) parts.push(note)
  return `${[...parts, ...notes].join('; ')}.`
}
