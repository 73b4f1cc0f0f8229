import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { CALIBRATORS, type Calibrator } from '../math/quantize/calibrate'
import type { IntegerType } from '../math/quantize/affine'
import type { ChannelCodes } from '../math/quantize/channels'
import type { Model } from '../onnx'
import { definePass, type PassContext, type PassResult } from './pass'
import { adaptiveCodes, withCodes } from './quantization/adaptive'
import { findQuantizable } from './quantization/quantizable-ops'
import { divergences, type Divergence } from '../evaluate/comparison/divergence'
import { learnedCodes } from './learned-rounding/integer-codes'
import type { KeptFloat } from './quantization/keep-float'
import { nothingReason } from './quantization/nothing-to-do'
import { toOperators } from './quantization/operators'
import { normalize } from '../layers/normalize'
import { calibrationBatches, evaluationBatches, type Batches } from '../data/feeds'
import { ALL_OPS } from '../layers/kinds'
import { leftOut } from '../layers/left-out'
import { sampleCounts } from './quantization/sample-counts'
import { asStored } from './quantization/stored-floats'
import { calibrate, quantizeStatically, type StaticOptions, type StaticResult } from './quantization/static'
import { exceptionReasons, reportLayers, summaryOf } from './quantization/static-report'
import { computedGrid } from './quantization/static-weights'
import { chooseWidths, NO_EXCEPTIONS, type Exceptions, type Widths } from './quantization/widths'
import { BITS_TOLD, LOSS_TOLD, exclude, integerFields, samples } from './fields'
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
  bits: z.int().min(2).max(8).default(8).meta({
    label: 'Bits',
    told: BITS_TOLD,
    help: 'Bits of a weight that is multiplied as an integer. Fewer than 8 take as many bytes in the file and compute as fast, but zip smaller; "blocks" rounds them best. Layers that cost too much get 8.',
  }),
  ...integerFields,
  rounding: z
    .enum(['nearest', 'adaptive', 'layers', 'blocks'])
    .default('nearest')
    .meta({
      label: 'Rounding',
      help: '"adaptive" rounds weights so that the outputs on calibration data stay closest; slower. "layers" then learns which weights to round up, layer by layer with integers in front, and "blocks" for a few layers at a time, up to where a residual branch ends; slower still, and for fewer bits than 8. All three need a scale per channel.',
      told: { adaptive: 'adaptive rounding', '*': 'rounding learned by {}' },
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
  const starts = new Map<string, ChannelCodes>()
  if (options.rounding !== 'nearest') {
    const layers = findQuantizable(prepared.model.graph, base).ops.flatMap(({ weight }) => weight ?? [])
    const found = await adaptiveCodes(prepared.model, layers, few, {
      ...computedGrid(base.weights),
      by: ID,
      progress: (done, doing) => context.progress(0.4 + 0.05 * done, doing),
    })
    for (const [layer, codes] of found) starts.set(layer, codes)
    base.weights = withCodes(base.weights, starts)
  }
  const build = (
    calibrator: Calibrator,
    { floats, wide }: Exceptions = NO_EXCEPTIONS,
    storedOnly: ReadonlySet<string> = new Set(),
  ): StaticResult =>
    quantizeStatically(prepared.model, calibrated, {
      ...base,
      weights: { ...base.weights, spared: wide },
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
  let full = results[best]!
  const layers = full.plan.ops.map((op) => op.layer)
  if (options.rounding === 'layers' || options.rounding === 'blocks') {
    const apart = { ...base, calibrator: method, apart: true }
    const learned = await learnedCodes(
      prepared.model,
      quantizeStatically(prepared.model, calibrated, apart),
      starts,
      { ...context, progress: (done, doing) => context.progress(0.45 + 0.25 * done, doing) },
      {
        by: ID,
        bits: computedGrid(base.weights).bits,
        rounding: options.rounding,
        meanOf: (input) => (options.correctBias ? calibrated.channels.get(input)?.mean : undefined),
      },
    )
    base.weights = withCodes(base.weights, learned.codes)
    notes.push(learned.told)
    full = build(method)
  }
  // The cached sensitivities do not say which layers to suspect here: they are of weights alone, and what 8 bits cost
  // comes from activations. On a BERT the two orders of its 26 layers correlate at 0.3 (ranks), so all are measured.
  const widths: Widths =
    options.maxLoss >= 100
      ? NO_EXCEPTIONS
      : await chooseWidths({
          tied: layers.map((layer) => [layer]),
          floats: NO_EXCEPTIONS.floats,
          limit: options.maxLoss,
          build: (exceptions) => build(method, exceptions).model,
          evaluate: (model) => measure([model], many).then(([measured]) => measured!),
          compare: (models) => measure(models, few),
          ...(options.sensitive === 'int16' && { instead: 'with 16-bit activations' }),
          ...(options.bits < base.weights.bits && { widen: () => Promise.resolve() }),
          progress: (done, doing) => context.progress(0.7 + 0.2 * done, doing),
        })
  const kept: KeptFloat = widths.kept ?? { model: full.model, floats: [], gains: new Map() }
  const result = await asStored(kept, options.maxLoss, {
    build: (stored) => build(method, widths, stored),
    points: async (model) => (await measure([model], many))[0]!.points,
    order: async (models) => (await measure(models, few)).map(({ sqnr }) => sqnr),
  })
  context.progress(0.92, 'measuring each layer')
  const reports = await reportLayers(
    prepared.model,
    full,
    result,
    widths,
    options,
    evaluationBatches(context, SAMPLES_FOR_REPORT, ID),
  )
  const final =
    options.format === 'qoperator' ? await toOperators(result.model, context.scratch) : result.model
  return {
    model: final,
    summary: summaryOf(result, widths, layers.length, method, options, context.target, [
      ...notes,
      ...prepared.notes,
    ]),
    skipped: [
      ...others,
      ...result.skipped.filter(({ layer }) => !kept.floats.includes(layer)),
      ...exceptionReasons(widths, options),
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
      computedBits: Math.min(options.bits, context.target.int8.weightBits),
      clip: options.weightClip,
      by: ID,
      cache: new Map(),
    },
  }
}
