/** Constants of affine codes: the same ones for every layer that reads a weight, packed or restored. */
import type { Layer } from '../layer'
import type { WeightCodes } from './values'
import type { CodeStore, StoredCodes, StoredZeros } from './store'
import { codeBytes, scaleBytes } from './values'

export interface StoredAffine {
  codes: StoredCodes
  /** Name of float32 [rows, blocks]. */
  scales: string
  zeros: StoredZeros
}

export const affineOf = (store: CodeStore, layer: Layer, weight: WeightCodes): StoredAffine =>
  store.once(weight, 'affine', () => {
    const grouped = weight.grouped!
    const codes = store.addCodes(layer.weight, grouped)
    const scales = store.addScales(layer.weight, grouped, grouped.scales)
    return { codes, scales, zeros: store.addZeros(layer.weight, grouped) }
  })

/** Scales as halves; zero points packed like codes, as halves where they are fractions, nowhere where all are one. */
export function affineBytes(weight: WeightCodes): number {
  const { scales, zeros } = weight.grouped!
  const alike = zeros.every((zero) => zero === zeros[0])
  const zeroBits = alike ? 0 : zeros.every(Number.isInteger) ? weight.bits : 16
  return codeBytes(weight) + scaleBytes(scales) + Math.ceil((zeros.length * zeroBits) / 8)
}
