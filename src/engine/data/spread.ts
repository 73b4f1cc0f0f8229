/** The mean and deviation that a preprocessing takes off and divides by, wherever they stand in it. */
import type { Preprocessing } from '../../contract/dataset'

interface Spread {
  mean: number[]
  std: number[]
}

/** Undefined of texts and waves, which have none. */
export function spreadOf(preprocessing: Preprocessing): Spread | undefined {
  if (preprocessing.kind === 'text') return undefined
  return preprocessing.kind === 'audio' ? preprocessing.features : preprocessing
}

export function withSpread(preprocessing: Preprocessing, spread: Spread): Preprocessing {
  if (preprocessing.kind === 'text') return preprocessing
  if (preprocessing.kind !== 'audio') return { ...preprocessing, ...spread }
  const { features } = preprocessing
  return features ? { ...preprocessing, features: { ...features, ...spread } } : preprocessing
}
