import type { PassFamily, PassNeed } from '../../../contract/passes'

export const FAMILY_NAMES: Record<PassFamily, { title: string; what: string }> = {
  'clean-up': { title: 'Clean up', what: 'same answers, fewer operators' },
  precision: { title: 'Precision', what: 'shorter floating-point numbers' },
  quantization: { title: 'Quantization', what: 'whole numbers instead of floating point' },
  pruning: { title: 'Pruning', what: 'leaving out what matters least' },
  factorization: { title: 'Factorization', what: 'two thin layers instead of a thick one' },
  sharing: { title: 'Weight sharing', what: 'few distinct values, so that the file packs well' },
  training: { title: 'Learning', what: 'winning back quality with your data' },
}

export const NEED_NAMES: Record<PassNeed, string> = {
  calibration: 'calibration samples',
  training: 'training samples',
  labels: 'labels',
}
