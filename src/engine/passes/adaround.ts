import { z } from 'zod'
import { plural } from '../../contract/format'
import { trainingAnswer } from '../training/learn'
import { teacherFields, withDefaults } from '../training/settings'
import { BITS_TOLD, exclude, features, leastWeights, lowBitFields } from './fields'
import { roundedLearningFields } from './learned-rounding/fields'
import { trainLowBit } from './learned-rounding/low-bit-training'
import { definePass } from './pass'

const ID = 'adaround'

const params = z.object({
  bits: z
    .int()
    .min(2)
    .max(8)
    .default(4)
    .meta({ label: 'Bits', help: 'Bits of a weight.', told: BITS_TOLD, search: [4, 3] }),
  ...lowBitFields,
  leastWeights: leastWeights(1024),
  exclude,
  features: features(1),
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
    { bits, block, symmetric, features, leastWeights, exclude, compared, temperature, ...settings },
    context,
  ) {
    const { learned, ...trained } = await trainLowBit(model, context.original, context, {
      by: ID,
      bits,
      block,
      symmetric,
      learns: 'rounding',
      leastWeights,
      exclude,
      settings,
      teacher: { teacherShare: 1, compared, temperature, mixup: 0 },
      features,
      labels: false,
    })
    return {
      ...trainingAnswer(
        learned,
        `Rounding of ${plural(trained.layers.length, 'layer')} learned at ${bits} bits: `,
      ),
      ...trained,
    }
  },
})
