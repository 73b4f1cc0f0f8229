/** Plain words of the Data step. */
import type { SplitName } from '../../../contract/dataset'

export const SPLIT_NAMES: Record<SplitName, { title: string; use: string }> = {
  calibration: { title: 'Calibration', use: 'to find the ranges of values for quantization' },
  training: { title: 'Training', use: 'to win back quality by learning' },
  validation: { title: 'Validation', use: 'to measure; never learned from' },
}

export const ORIGIN_NAMES = {
  given: 'given by the data',
  made: 'made by Pare, seeded',
  shared: 'shared with training',
}
