/** Settings that passes share: declared once and meaning the same in each; only defaults differ. */
import { z } from 'zod'
import type { ParameterGroup } from '../../contract/passes'

const layer: ParameterGroup = 'layer'
const calibration: ParameterGroup = 'calibration'
const encoding: ParameterGroup = 'encoding'
const training: ParameterGroup = 'training'

export const BITS_TOLD = '{} bits'

/** Ways of choosing codes that a search or a preset asks for; others are called as people ask for them. */
export const METHODS_TOLD = { kmeans: 'k-means', hqq: 'HQQ', rtn: 'plain rounding', '*': '{}' }

/** Of answers that may change, or of the variance of outputs; no layer is spared where all may. */
export const LOSS_TOLD = { 100: 'every layer', '*': 'losing at most {} in 100' }

/** See `isExcluded`. */
export const exclude = z.array(z.string()).default([]).meta({
  label: 'Layers left alone',
  help: 'Layers that stay as they are: their names, or an operator, such as Conv or Gather, for all of its layers.',
  group: layer,
})

export const leastWeights = (least: number) =>
  z.int().min(0).default(least).meta({
    label: 'Smallest layer',
    help: 'Layers with fewer weights stay as they are.',
    unit: 'weights',
    group: layer,
  })

export const samples = (most: number) =>
  z.int().min(1).max(1_000_000).default(most).meta({
    label: 'Calibration samples',
    help: 'At most this many are looked at; memory does not grow with them.',
    group: calibration,
  })

/** What 8-bit weights are rounded with. */
export const integerFields = {
  perChannel: z.boolean().default(true).meta({
    label: 'A scale per channel',
    help: 'Weights get one scale per output channel: more exact, a little larger.',
    group: encoding,
  }),
  weightClip: z
    .enum(['max', 'mse'])
    .default('max')
    .meta({
      label: 'Clip weights',
      help: '"mse" clips rare large weights where that lowers the squared error.',
      told: { mse: 'rare large weights clipped' },
      search: ['max', 'mse'],
      group: encoding,
    }),
}

/** What weights of few bits are rounded with. */
export const lowBitFields = {
  block: z.int().min(0).max(4096).default(64).meta({
    label: 'Block (size)',
    help: 'Weights that share a scale; 0 for one per output channel.',
    group: encoding,
  }),
  symmetric: z.boolean().default(false).meta({
    label: 'Symmetric',
    help: 'No zero points: a little smaller, a little less exact.',
    group: encoding,
  }),
}

/** Weight of matching what the layers inside the original give. */
export const features = (weight: number, search?: number[]) =>
  z
    .number()
    .min(0)
    .max(100)
    .default(weight)
    .meta({
      label: 'Layer by layer (feature distillation)',
      help: 'Weight of matching what the layers inside the original give; 0 compares answers only.',
      told: { 0: 'answers alone', 1: 'layer by layer', '*': 'layer by layer, weight {}' },
      search,
      group: training,
    })
