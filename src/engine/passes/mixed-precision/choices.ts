/**
 * What each layer costs and loses at each number of bits. A loss is the share of the outputs' energy that is
 * error, measured at a few widths; others are told from the nearest measured one, as the outputs' error grows with
 * the squared error of the weights (arXiv:1911.03852, section 3).
 */
import type { Sensitivity } from '../../../contract/sensitivity'
import { fromCodebook, sharedValues } from '../../math/quantize/kmeans'
import { noiseShare, sqnr } from '../../math/quantize/sqnr'
import type { Choice } from '../../math/knapsack'
import { fromFloat16, toFloat16 } from '../../onnx/half'
import { finiteWeights, type Layer } from '../../layers/layer'

export const FLOAT_BITS = 32
export const HALF_BITS = 16
/** Widths at which sensitivities are measured. */
export const MEASURED = [8, 4, 3, 2] as const
/** Widths of shared values: table and code make any of them. */
const SHARED = [8, 6, 5, 4, 3, 2] as const
/** Scale and zero point of a block, in bits a weight at the block size of the low-bit pass. */
const BLOCK_OVERHEAD = 20 / 64

export interface BitChoice extends Choice {
  bits: number
}

/** Layers with equal weights are one: stored once, they can only have the same bits. */
export function tied(layers: readonly Layer[]): Layer[][] {
  const groups = new Map<string, Layer[]>()
  for (const layer of layers) {
    const key = layer.tensor.contentKey()
    groups.set(key, [...(groups.get(key) ?? []), layer])
  }
  return [...groups.values()]
}

/**
 * The choices of one group, costs in bytes. `entries` are its layers' at MEASURED bits. Shared values have their
 * own weight errors, which are computed here; packed ones err as measured.
 */
export function choicesOf(
  layers: readonly Layer[],
  entries: readonly Sensitivity[],
  storage: 'packed' | 'shared',
): BitChoice[] {
  const { tensor, weight } = layers[0]!
  const values = finiteWeights(weight, tensor, 'mixed-precision')
  const bytes = (bits: number): number => (tensor.size * bits) / 8
  /** Summed over the layers that read the weight. */
  const loss = (bits: number, weightSqnr: number | undefined): number =>
    layers.reduce((sum, { name }) => {
      const own = entries.filter((entry) => entry.layer === name)
      const [near] = own.toSorted((a, b) => Math.abs(a.strength - bits) - Math.abs(b.strength - bits))
      if (!near) return sum
      const scale = weightSqnr === undefined ? 1 : noiseShare(weightSqnr - near.weightSqnr)
      return sum + scale * noiseShare(near.sqnr)
    }, 0)
  const half = {
    bits: HALF_BITS,
    cost: bytes(HALF_BITS),
    loss: loss(HALF_BITS, sqnr(values, fromFloat16(toFloat16(values)))),
  }
  const float = { bits: FLOAT_BITS, cost: bytes(FLOAT_BITS), loss: 0 }
  if (storage === 'packed')
    return [
      float,
      half,
      ...MEASURED.map((bits) => ({
        bits,
        cost: bytes(bits + BLOCK_OVERHEAD),
        loss: loss(bits, undefined),
      })),
    ]
  return [
    half,
    ...SHARED.map((bits) => ({
      bits,
      cost: bytes(bits) + 4 * 2 ** bits,
      loss: loss(bits, sqnr(values, sharedAt(bits, values))),
    })),
  ]
}

/** The weights with at most 2 to the power of `bits` different values; zeros stay zero. */
export const sharedAt = (bits: number, values: Float32Array): Float32Array =>
  fromCodebook(sharedValues(values, 2 ** bits, { keepZeros: true }))
