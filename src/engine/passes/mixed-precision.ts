import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { measureSensitivity } from '../evaluate/sensitivity'
import { chooseUnderBudget, type Choice } from '../math/knapsack'
import type { Model } from '../onnx'
import { definePass, type PassContext, type PassResult } from './pass'
import { weightedLayers } from './quantization/layers'
import { prepare } from './quantization/prepare'
import { quantizeWeights } from './quantize-weights'

const ID = 'mixed-precision'

/** Bits a layer may get besides staying float; what the sensitivities are measured at. */
const BITS = [8, 4, 3, 2] as const
/** Scale and zero point of a block, in bits a weight at the block size of the low-bit pass. */
const BLOCK_OVERHEAD = 20 / 64
const FLOAT_BITS = 32

const params = z.object({
  size: z
    .number()
    .min(0.03)
    .max(1)
    .default(0.125)
    .meta({
      label: 'Size of the weights',
      help: 'Share of the original size of the weights that all layers together may take.',
      search: [0.25, 0.16, 0.125, 0.1, 0.08],
    }),
  method: z
    .enum(['gptq', 'awq', 'hqq', 'kmeans', 'rtn'])
    .default('gptq')
    .meta({
      label: 'Method',
      help: 'How the codes of each layer are chosen; as in the low-bit pass.',
      search: ['gptq', 'kmeans'],
    }),
  samples: z.int().min(1).max(4096).default(64).meta({
    label: 'Calibration samples',
    help: 'Looked at to see what each layer tolerates.',
    advanced: true,
  }),
  smallest: z
    .enum(['file', 'download'])
    .default('file')
    .meta({ label: 'Make smallest', help: 'The file itself, or the zipped download.' }),
})

type Params = z.output<typeof params>

export const mixedPrecision = definePass({
  id: ID,
  title: 'Mixed precision',
  family: 'quantization',
  summary:
    'Each layer gets the bits it needs: those that barely move the outputs get few, the delicate ones many, under one budget.',
  sources: ['arXiv:1905.03696 (HAWQ)', 'Kellerer et al., Knapsack Problems (2004)'],
  needs: ['calibration'],
  params,
  run,
})

async function run(model: Model, options: Params, context: PassContext): Promise<PassResult> {
  const { data } = context
  if (!data) throw new PareError('data/split-missing', { split: 'calibration', by: ID })
  const { model: prepared } = prepare(model)
  const { entries } = await measureSensitivity(prepared, data, {
    techniques: ['bits'],
    samples: options.samples,
    signal: context.signal,
    progress: (done, doing) => context.progress(0.3 * done, doing),
  })
  const layers = [...new Set(entries.map((entry) => entry.layer))]
  const choices = layers.map((layer) => choicesOf(entries.filter((entry) => entry.layer === layer)))
  const float = choices.reduce((sum, [stay]) => sum + stay!.cost, 0)
  const chosen = chooseUnderBudget(choices, float * options.size)
  if (!chosen)
    throw new PareError('model/nothing-to-do', {
      by: ID,
      reason: `even 2 bits in every layer exceed ${options.size} of the size of the weights`,
    })
  const bitsOf = new Map(layers.map((layer, i) => [layer, choices[i]![chosen[i]!]!.bits]))
  return quantize(model, bitsOf, options, context)
}

interface BitChoice extends Choice {
  bits: number
}

/** Staying float first, then the bits that were measured. The loss is the share of the outputs' energy that is error. */
function choicesOf(entries: readonly { strength: number; parameters: number; sqnr: number }[]): BitChoice[] {
  const { parameters } = entries[0]!
  const measured = BITS.flatMap((bits): BitChoice[] => {
    const entry = entries.find(({ strength }) => strength === bits)
    return entry
      ? [{ bits, cost: (parameters * (bits + BLOCK_OVERHEAD)) / 8, loss: 10 ** (-entry.sqnr / 10) }]
      : []
  })
  return [{ bits: FLOAT_BITS, cost: (parameters * FLOAT_BITS) / 8, loss: 0 }, ...measured]
}

/** The low-bit pass once for each number of bits in use, on the layers that get it. */
async function quantize(
  model: Model,
  bitsOf: ReadonlyMap<string, number>,
  options: Params,
  context: PassContext,
): Promise<PassResult> {
  const result: PassResult = { model, summary: '', skipped: [], layers: [] }
  const used = BITS.filter((bits) => [...bitsOf.values()].includes(bits))
  for (const [at, bits] of used.entries()) {
    const wanted = new Set([...bitsOf].filter(([, own]) => own === bits).map(([layer]) => layer))
    const exclude = weightedLayers(result.model.graph).flatMap(({ layer }) =>
      wanted.has(layer) ? [] : [layer],
    )
    const { method, smallest } = options
    const part = await quantizeWeights.run(
      result.model,
      { bits, method, smallest, exclude, leastWeights: 0 },
      {
        ...context,
        progress: (done, doing) => context.progress(0.3 + (0.7 * (at + done)) / used.length, doing),
      },
    )
    result.model = part.model
    result.layers!.push(...(part.layers ?? []))
    result.skipped!.push(...(part.skipped ?? []).filter(({ layer }) => wanted.has(layer)))
  }
  const counts = [...used, FLOAT_BITS].map((bits) => ({
    bits,
    count: [...bitsOf.values()].filter((own) => own === bits).length,
  }))
  const told = counts
    .filter(({ count }) => count > 0)
    .map(({ bits, count }) => `${count} ${bits === FLOAT_BITS ? 'in float' : `at ${bits} bits`}`)
  result.summary = `${bitsOf.size} layers share ${Math.round(options.size * 100)}% of the size: ${told.join(', ')}.`
  return result
}
