import { z } from 'zod'
import { trainingAnswer } from '../training/learn'
import { teacherFields, withDefaults } from '../training/settings'
import { featuresField, lowBitFields, roundedLearningFields } from './learned-rounding/fields'
import { trainLowBit } from './learned-rounding/low-bit-training'
import { definePass } from './pass'

const ID = 'adaround'

const params = z.object({
  bits: z
    .int()
    .min(2)
    .max(8)
    .default(4)
    .meta({ label: 'Bits', help: 'Bits of a weight.', search: [4, 3] }),
  ...lowBitFields,
  features: featuresField(1),
  byLayer: z.boolean().default(true).meta({
    label: 'Layer by layer first',
    help: 'Each layer first learns to give what it gave in the original, before all learn together.',
    advanced: true,
  }),
  roundingRegularization: z.number().min(0).max(10).default(0.0001).meta({
    label: 'Settling (rounding regularization)',
    help: 'Strength of the pull that makes every weight decide between rounding up and down.',
    advanced: true,
  }),
  // What only has to stay as it was is learned best from samples as they are: half a decibel, on two networks.
  ...withDefaults(roundedLearningFields, { augmentation: 0 }),
  compared: teacherFields.compared,
  temperature: teacherFields.temperature,
})

export const adaround = definePass({
  id: ID,
  title: 'Learned rounding',
  term: 'AdaRound',
  family: 'quantization',
  role: 'encodes',
  after: ['removes', 'trains', 'prepares'],
  summary:
    'Learns for every weight whether to round up or down, from what the original answers; needs no labels and few samples.',
  sources: ['arXiv:2004.10568', 'arXiv:2102.05426'],
  needs: ['training'],
  params,
  async run(
    model,
    {
      bits,
      block,
      symmetric,
      features,
      byLayer,
      roundingRegularization,
      leastWeights,
      compared,
      temperature,
      ...settings
    },
    context,
  ) {
    const { learned, ...trained } = await trainLowBit(model, context.original, context, {
      by: ID,
      bits,
      block,
      symmetric,
      learns: 'rounding',
      leastWeights,
      settings,
      teacher: { teacherShare: 1, compared, temperature, mixup: 0 },
      features,
      byLayer,
      roundingRegularization,
      labels: false,
    })
    return {
      ...trainingAnswer(learned, `Rounding of ${trained.layers.length} layers learned at ${bits} bits: `),
      ...trained,
    }
  },
})
