import { z } from 'zod'
import { plural } from '../../contract/format'
import { PareError } from '../../contract/errors'
import type { Sensitivity } from '../../contract/sensitivity'
import { chooseUnderBudget } from '../math/knapsack'
import type { Model } from '../onnx'
import { applyPacked, applyShared, type Applied } from './mixed-precision/apply'
import { choicesOf, FLOAT_BITS, HALF_BITS, type BitChoice } from './mixed-precision/choices'
import { untilItHolds, type WithinFloor } from './mixed-precision/floor'
import {
  applyTypes,
  chosenTypes,
  modelledShare,
  planLatency,
  tooFast,
  type TypesOf,
} from './mixed-precision/latency'
import { definePass, type PassContext, type PassResult } from './pass'
import { WIDE_METHODS } from './quantization/low-bit'
import { byRows } from './quantization/quantize-all'
import { divergences } from '../evaluate/comparison/divergence'
import { normalize } from '../layers/normalize'
import { evaluationBatches } from '../data/feeds'
import { layersThroughViews } from '../layers/find'
import { ALL_OPS } from '../layers/kinds'
import { leftOut } from '../layers/left-out'
import type { Layer } from '../layers/layer'
import { taskOf } from '../tasks'
import { LOSS_TOLD, METHODS_TOLD } from './fields'

const ID = 'mixed-precision'

/** Samples the quality floor is held against. */
const EVALUATED = 320

const params = z.object({
  budget: z
    .enum(['size', 'latency'])
    .default('size')
    .meta({
      label: 'Budget of',
      help: '"size" gives each layer bits for its weights. "latency" gives each layer the arithmetic that is fast enough on the target: float, half or 8-bit integers.',
      told: { latency: 'for speed' },
      search: ['size', 'latency'],
    }),
  latency: z
    .number()
    .min(0.05)
    .max(1)
    .default(0.6)
    .meta({
      label: 'Share of the time',
      help: "With a budget of latency: time against the original's on the target, estimated from the costs of its operators.",
      told: '{%} of the time',
      search: [0.8, 0.6, 0.5, 0.4],
      only: { name: 'budget', is: 'latency' },
    }),
  size: z
    .number()
    .min(0.03)
    .max(1)
    .default(0.125)
    .meta({
      label: 'Size of the weights',
      help: 'Share of the original size of the weights that all layers together may take.',
      told: 'weights at {%} of their size',
      search: [0.25, 0.16, 0.125, 0.1, 0.09, 0.085, 0.08, 0.07],
      only: { name: 'budget', is: 'size' },
    }),
  storage: z
    .enum(['packed', 'shared'])
    .default('packed')
    .meta({
      label: 'Storage',
      help: '"packed" stores few bits a weight: the smallest file. "shared" lets the weights of a layer share a few values, for the smallest download: follow it with "Pack weights for download".',
      told: { shared: 'shared values' },
      search: ['packed', 'shared'],
    }),
  method: z
    .enum(WIDE_METHODS)
    .default('gptq')
    .meta({
      label: 'Method',
      help: 'How the codes of each layer are chosen where they are packed; as in the low-bit pass.',
      told: METHODS_TOLD,
      search: ['gptq', 'kmeans'],
    }),
  maxLoss: z.number().min(0).max(100).default(100).meta({
    label: 'Largest loss',
    unit: 'points',
    told: LOSS_TOLD,
    help: 'Answers out of 100 that may change. The size above is exceeded, as little as will do, until this holds; 100 turns it off.',
  }),
})

type Params = z.output<typeof params>

export const mixedPrecision = definePass({
  id: ID,
  title: 'Mixed precision',
  family: 'quantization',
  role: 'encodes',
  after: ['removes', 'prepares'],
  summary:
    'Each layer gets the bits it needs, from 2 to float: those that barely move the outputs get few, the delicate ones many, under one budget.',
  sources: [
    'arXiv:1905.03696 (HAWQ)',
    'arXiv:1911.03852 (HAWQ-V2)',
    'Kellerer et al., Knapsack Problems (2004)',
  ],
  needs: ['calibration'],
  params,
  run,
})

interface Group {
  layers: Layer[]
  choices: BitChoice[]
}

async function run(model: Model, options: Params, context: PassContext): Promise<PassResult> {
  const { data, sensitivities } = context
  if (!data || !sensitivities) throw new PareError('data/split-missing', { split: 'calibration', by: ID })
  const { model: prepared, notes } = normalize(model)
  const entries = await sensitivities.ofBits(prepared, {
    progress: (done, doing) => context.progress(0.3 * done, doing),
  })
  const build =
    options.budget === 'latency'
      ? await latencyBuilder(prepared, entries, options, context)
      : await sizeBuilder(prepared, entries, options, context)
  const first = (await build(0.3, 0.6))!
  const classes = taskOf(data.task).protects === 'class'
  const held = await untilItHolds(first, {
    limit: options.maxLoss,
    evaluate: async (built) =>
      (await divergences(prepared, [built.model], evaluationBatches(context, EVALUATED, ID), { classes }))[0]!
        .points,
    build: (share, step, steps) => build(0.6 + (0.4 * step) / steps, 0.6 + (0.4 * (step + 1)) / steps, share),
  })
  const { layers, skipped } = held.built
  return {
    model: held.built.model,
    summary: summaryOf(held, options, notes),
    layers,
    skipped: [...leftOut(prepared, ALL_OPS), ...skipped],
  }
}

/** Builds at a share of the budget's unit, by default the one asked for; undefined where nothing fits it. */
type Builder = (from: number, to: number, share?: number) => Promise<Built | undefined>

const part = (context: PassContext, from: number, to: number): PassContext => ({
  ...context,
  progress: (done, doing) => context.progress(from + (to - from) * done, doing),
})

async function sizeBuilder(
  model: Model,
  entries: readonly Sensitivity[],
  options: Params,
  context: PassContext,
): Promise<Builder> {
  const groups = await groupsOf(model, entries, options, context)
  return async (from, to, share) => {
    const size = share ?? options.size
    const bitsOf = chosenBits(groups, size)
    if (!bitsOf && share === undefined)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason: `even 2 bits in every layer exceed ${size} of the size of the weights`,
      })
    if (!bitsOf) return undefined
    const applied =
      options.storage === 'shared'
        ? applyShared(model, bitsOf)
        : await applyPacked(model, bitsOf, options.method, part(context, from, to))
    return { ...applied, size, told: bitsTold(bitsOf, size) }
  }
}

async function latencyBuilder(
  model: Model,
  entries: readonly Sensitivity[],
  options: Params,
  context: PassContext,
): Promise<Builder> {
  const plan = await planLatency(model, entries, context)
  return async (from, to, share) => {
    const size = share ?? options.latency
    const typesOf = chosenTypes(plan, size)
    if (!typesOf && share === undefined) throw tooFast(plan, size)
    if (!typesOf) return undefined
    const applied = await applyTypes(model, typesOf, part(context, from, to))
    return { ...applied, size, told: typesTold(typesOf, await modelledShare(applied.model, plan)) }
  }
}

interface Built extends Applied {
  /** Share of the budget's unit. */
  size: number
  /** What each layer got, in words. */
  told: string
}

function groupsOf(
  model: Model,
  entries: readonly Sensitivity[],
  { storage, method }: Params,
  { target: { keepsPacked } }: PassContext,
): Promise<Group[]> {
  const measured = new Set(entries.map((entry) => entry.layer))
  const layers = layersThroughViews(model.graph).filter(({ name }) => measured.has(name))
  return Promise.all(
    // Layers with equal weights are one: stored once, they can only have the same bits.
    [...byRows(layers).values()].map(async (group) => ({
      layers: group,
      choices: await choicesOf(group, entries, { storage, method, keepsPacked }),
    })),
  )
}

/** Bits of each layer under a share of the weights' size as they are; undefined where none fit. */
function chosenBits(groups: readonly Group[], size: number): Map<string, number> | undefined {
  const float = groups.reduce((sum, { layers }) => sum + layers[0]!.tensor.byteLength, 0)
  const chosen = chooseUnderBudget(
    groups.map(({ choices }) => choices),
    float * size,
  )
  if (!chosen) return undefined
  return new Map(
    groups.flatMap(({ layers, choices }, i) =>
      layers.map(({ name }) => [name, choices[chosen[i]!]!.bits] as const),
    ),
  )
}

const counted = <T>(values: Iterable<T>): Map<T, number> => {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

function bitsTold(bitsOf: ReadonlyMap<string, number>, size: number): string {
  const name = (bits: number): string =>
    bits === FLOAT_BITS ? 'in float' : bits === HALF_BITS ? 'in half precision' : `at ${bits} bits`
  const told = [...counted(bitsOf.values())]
    .sort(([a], [b]) => b - a)
    .map(([bits, count]) => `${count} ${name(bits)}`)
  return `${plural(bitsOf.size, 'layer shares', 'layers share')} ${(100 * size).toFixed(0)}% of the size: ${told.join(', ')}`
}

const TYPES = { float32: 'in float', float16: 'in half precision', int8: 'in 8-bit integers' } as const

function typesTold(typesOf: TypesOf, share: number): string {
  const told = [...counted(typesOf.values())].map(([type, count]) => `${count} ${TYPES[type]}`)
  return `${plural(typesOf.size, 'layer computes', 'layers compute')} ${told.join(', ')}; by estimate from operator costs that takes ${share.toFixed(2)}× the time on the target`
}

function summaryOf(
  { built, points, asked }: WithinFloor<Built>,
  { budget, size, latency }: Params,
  notes: readonly string[],
): string {
  const wish = `${(100 * (budget === 'size' ? size : latency)).toFixed(0)}%`
  const floor =
    points === undefined
      ? []
      : asked === undefined
        ? [`${points.toFixed(1)} of 100 answers change`]
        : [`at the ${wish} asked for ${asked.toFixed(1)} of 100 answers changed, now ${points.toFixed(1)} do`]
  return `${[built.told, ...floor, ...notes].join('; ')}.`
}
