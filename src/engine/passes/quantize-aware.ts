import { z } from 'zod'
import { plural } from '../../contract/format'
import { trainingAnswer } from '../training/learn'
import { BITS_TOLD, exclude, features, leastWeights, lowBitFields } from './fields'
import { objectiveFields, roundedLearningFields } from './learned-rounding/fields'
import { settingsForObjective } from './learned-rounding/objective'
import { trainLowBit } from './learned-rounding/low-bit-training'
import { hasIntegerWeights, trainIntegers } from './learned-rounding/integer-training'
import { definePass } from './pass'

const ID = 'quantize-aware'

const params = z.object({
  bits: z
    .int()
    .min(1)
    .max(8)
    .default(4)
    .meta({
      label: 'Bits',
      help: 'Bits of a weight. A model that already has integers (after static quantization) keeps its own and is trained as it is.',
      told: BITS_TOLD,
      search: [4, 2],
    }),
  ...lowBitFields,
  leastWeights: leastWeights(1024),
  exclude,
  features: features(0),
  ...roundedLearningFields,
  ...objectiveFields,
})

export const quantizeAware = definePass({
  id: ID,
  title: 'Quantization-aware training',
  family: 'training',
  role: 'encodes',
  after: ['removes', 'trains', 'prepares'],
  summary:
    'Trains the model while it already computes with integers, step sizes included, so that few bits lose little.',
  sources: ['arXiv:1902.08153', 'arXiv:1308.3432', 'arXiv:1712.05877'],
  needs: ['training'],
  params,
  async run(model, { bits, block, symmetric, features, leastWeights, exclude, ...given }, context) {
    const { settings, teacher, updates, rate, notes } = await settingsForObjective(context, given)
    if (hasIntegerWeights(model)) {
      const { learned, count, ...trained } = await trainIntegers(model, context.original, context, {
        by: ID,
        settings,
        teacher,
        updates,
        features,
      })
      const what = `${count} integer weights and biases trained in place: `
      return { ...trainingAnswer(learned, what, notes), ...trained }
    }
    const { learned, ...trained } = await trainLowBit(model, context.original, context, {
      by: ID,
      bits,
      block,
      symmetric,
      learns: 'steps',
      leastWeights,
      exclude,
      settings,
      teacher,
      updates,
      rate,
      features,
      labels: true,
    })
    const what = `${plural(trained.layers.length, 'layer takes', 'layers take')} ${bits === 1 ? '1 bit' : `${bits} bits`} a weight: `
    return { ...trainingAnswer(learned, what, notes), ...trained }
  },
})
