import { z } from 'zod'
import { PareError } from '../../contract/errors'
import type { Sensitivity } from '../../contract/sensitivity'
import { measureSensitivity } from '../evaluate/sensitivity'
import { chooseUnderBudget } from '../math/knapsack'
import type { Model } from '../onnx'
import { applyPacked, applyShared, type Applied } from './mixed/apply'
import { choicesOf, FLOAT_BITS, HALF_BITS, tied, type BitChoice } from './mixed/choices'
import { untilItHolds } from './mixed/floor'
import { definePass, type PassContext, type PassResult } from './pass'
import { divergences } from './quantization/divergence'
import { weightedLayers, type WeightedLayer } from './quantization/layers'
import { prepare } from './quantization/prepare'
import { judgingBatches } from './quantization/samples'

const ID = 'mixed-precision'

/** Samples the quality floor is held against. */
const JUDGED = 320

const params = z.object({
  size: z
    .number()
    .min(0.03)
    .max(1)
    .default(0.125)
    .meta({
      label: 'Size of the weights',
      help: 'Share of the original size of the weights that all layers together may take.',
      search: [0.25, 0.16, 0.125, 0.1, 0.09, 0.085, 0.08, 0.07],
    }),
  storage: z
    .enum(['packed', 'shared'])
    .default('packed')
    .meta({
      label: 'Storage',
      help: '"packed" stores few bits a weight: the smallest file. "shared" lets the weights of a layer share a few values, for the smallest download: follow it with "Pack weights for download".',
      search: ['packed', 'shared'],
    }),
  method: z
    .enum(['gptq', 'awq', 'hqq', 'kmeans', 'rtn'])
    .default('gptq')
    .meta({
      label: 'Method',
      help: 'How the codes of each layer are chosen where they are packed; as in the low-bit pass.',
      search: ['gptq', 'kmeans'],
    }),
  maxLoss: z.number().min(0).max(100).default(100).meta({
    label: 'Largest loss',
    unit: 'points',
    help: 'Answers out of 100 that may change. The size above is exceeded, as little as will do, until this holds; 100 turns it off.',
  }),
  samples: z.int().min(0).max(4096).default(0).meta({
    label: 'Calibration samples',
    help: 'Looked at to see what each layer tolerates. 0 takes 64, and fewer where the model is large.',
    advanced: true,
  }),
})

type Params = z.output<typeof params>

export const mixedPrecision = definePass({
  id: ID,
  title: 'Mixed precision',
  family: 'quantization',
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
  layers: WeightedLayer[]
  choices: BitChoice[]
}

async function run(model: Model, options: Params, context: PassContext): Promise<PassResult> {
  const { data } = context
  if (!data) throw new PareError('data/split-missing', { split: 'calibration', by: ID })
  const { model: prepared, notes } = prepare(model)
  const { entries } = await measureSensitivity(prepared, data, {
    techniques: ['bits'],
    samples: options.samples || undefined,
    cache: context.sensitivities,
    signal: context.signal,
    progress: (done, doing) => context.progress(0.3 * done, doing),
  })
  const groups = groupsOf(prepared, entries, options)
  const build = async (size: number, from: number, to: number): Promise<Built | undefined> => {
    const bitsOf = chosenBits(groups, size)
    if (!bitsOf) return undefined
    const within = (done: number, doing?: string): void => context.progress(from + (to - from) * done, doing)
    const applied =
      options.storage === 'shared'
        ? applyShared(prepared, bitsOf)
        : await applyPacked(prepared, bitsOf, options.method, { ...context, progress: within })
    return { ...applied, bitsOf, size }
  }
  const first = await build(options.size, 0.3, 0.6)
  if (!first)
    throw new PareError('model/nothing-to-do', {
      by: ID,
      reason: `even 2 bits in every layer exceed ${options.size} of the size of the weights`,
    })
  const classes = data.task === 'classification'
  const held = await untilItHolds(first, {
    limit: options.maxLoss,
    judge: async (built) =>
      (await divergences(prepared, [built.model], judgingBatches(context, JUDGED, ID), { classes }))[0]!
        .points,
    build: (size, step, steps) => build(size, 0.6 + (0.4 * step) / steps, 0.6 + (0.4 * (step + 1)) / steps),
  })
  const { layers, skipped } = held.built
  return { model: held.built.model, summary: summaryOf(held.built, options, held, notes), layers, skipped }
}

interface Built extends Applied {
  bitsOf: ReadonlyMap<string, number>
  size: number
}

function groupsOf(model: Model, entries: readonly Sensitivity[], { storage }: Params): Group[] {
  const measured = new Set(entries.map((entry) => entry.layer))
  return tied(weightedLayers(model.graph).filter(({ layer }) => measured.has(layer))).map((layers) => ({
    layers,
    choices: choicesOf(layers, entries, storage),
  }))
}

/** Bits of each layer under a share of the weights' size in float; undefined where none fit. */
function chosenBits(groups: readonly Group[], size: number): Map<string, number> | undefined {
  const float = groups.reduce((sum, { layers }) => sum + 4 * layers[0]!.tensor.size, 0)
  const chosen = chooseUnderBudget(
    groups.map(({ choices }) => choices),
    float * size,
  )
  if (!chosen) return undefined
  return new Map(
    groups.flatMap(({ layers, choices }, i) =>
      layers.map(({ layer }) => [layer, choices[chosen[i]!]!.bits] as const),
    ),
  )
}

function summaryOf(
  { bitsOf, size }: Built,
  options: Params,
  { points, asked }: { points?: number; asked?: number },
  notes: readonly string[],
): string {
  const counts = new Map<number, number>()
  for (const bits of bitsOf.values()) counts.set(bits, (counts.get(bits) ?? 0) + 1)
  const name = (bits: number): string =>
    bits === FLOAT_BITS ? 'in float' : bits === HALF_BITS ? 'in half precision' : `at ${bits} bits`
  const told = [...counts].sort(([a], [b]) => b - a).map(([bits, count]) => `${count} ${name(bits)}`)
  const share = `${bitsOf.size} layers share ${(100 * size).toFixed(0)}% of the size: ${told.join(', ')}`
  const floor =
    points === undefined
      ? []
      : [
          asked === undefined
            ? `${points.toFixed(1)} of 100 answers change`
            : `at the ${(100 * options.size).toFixed(0)}% asked for ${asked.toFixed(1)} of 100 answers changed, now ${points.toFixed(1)} do`,
        ]
  return `${[share, ...floor, ...notes].join('; ')}.`
}
