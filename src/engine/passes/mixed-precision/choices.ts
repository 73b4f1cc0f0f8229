/**
 * What each layer costs and loses at each number of bits. A loss is the share of the outputs' energy that is
 * error, measured at a few widths; others are told from the nearest measured one, as the outputs' error grows with
 * the squared error of the weights (arXiv:1911.03852, section 3).
 */
import type { Sensitivity } from '../../../contract/sensitivity'
import { formFor } from '../../layers/encodings'
import { valuesOf } from '../../layers/encodings/values'
import { sharedValues } from '../../math/quantize/kmeans'
import { noiseShare, sqnr } from '../../math/quantize/sqnr'
import type { Choice } from '../../math/knapsack'
import { fromFloat16, toFloat16 } from '../../onnx/half'
import { finiteWeights, type Layer } from '../../layers/layer'
import { quantizeLayer } from '../quantization/low-bit'

export const FLOAT_BITS = 32
export const HALF_BITS = 16
/** Widths at which sensitivities are measured. */
export const MEASURED = [8, 4, 3, 2] as const
/** Widths of shared values: table and code make any of them. */
const SHARED = [8, 6, 5, 4, 3, 2] as const
export const BY = 'mixed-precision'
/** The low-bit pass as it is asked, but for a method that costs no time. */
const LOW_BIT = {
  method: 'rtn',
  block: 64,
  symmetric: false,
  codebook: 'tensor',
  storage: 'auto',
  by: BY,
} as const

export interface BitChoice extends Choice {
  bits: number
}

/**
 * The choices of one group, costs in bytes as the encodings tell them. `entries` are its layers' at MEASURED bits. Shared
 * values have their own weight errors, which are computed here; packed ones err as measured.
 */
export async function choicesOf(
  layers: readonly Layer[],
  entries: readonly Sensitivity[],
  { storage, method, keepsPacked }: { storage: 'packed' | 'shared'; method: string; keepsPacked: boolean },
): Promise<BitChoice[]> {
  const [layer] = layers as [Layer]
  const { tensor, value } = layer.root
  const values = finiteWeights(value, tensor, BY)
  // What one constant costs was measured with all its readers; copies of it each cost their own.
  const asked = [...new Map(layers.map((one) => [one.root.value, one.name])).values()]
  const loss = (bits: number, weightSqnr?: number): number =>
    asked.reduce((sum, name) => {
      const own = entries.filter((entry) => entry.layer === name)
      const [near] = own.toSorted((a, b) => Math.abs(a.strength - bits) - Math.abs(b.strength - bits))
      if (!near) return sum
      const scale = weightSqnr === undefined ? 1 : noiseShare(weightSqnr - near.weightSqnr)
      return sum + scale * noiseShare(near.sqnr)
    }, 0)
  const halves = toFloat16(values)
  const choices: BitChoice[] = [
    {
      bits: HALF_BITS,
      cost: halves.byteLength,
      loss: loss(HALF_BITS, sqnr(values, fromFloat16(halves))),
    },
  ]
  if (storage === 'shared')
    for (const bits of SHARED) {
      const { values: shared, bytes } = sharedAt(bits, layer)
      choices.push({ bits, cost: bytes, loss: loss(bits, sqnr(values, shared)) })
    }
  else {
    choices.push({ bits: FLOAT_BITS, cost: tensor.byteLength, loss: 0 })
    for (const bits of MEASURED)
      choices.push({ bits, cost: await packedBytes(layer, bits, method, keepsPacked), loss: loss(bits) })
  }
  return choices
}

/** What the low-bit pass will write; which codes it chooses does not matter for that. */
async function packedBytes(
  layer: Layer,
  bits: number,
  method: string,
  keepsPacked: boolean,
): Promise<number> {
  const { rows, cols } = layer.geometry
  const codes =
    method === 'kmeans'
      ? { rows, cols, block: cols, bits, codes: new Uint8Array(), codebook: new Float32Array(2 ** bits) }
      : await quantizeLayer(layer, { ...LOW_BIT, bits }, undefined)
  return formFor(layer, codes, LOW_BIT.storage, keepsPacked).bytes(codes)
}

/** The constant behind the weights with at most 2 to the power of `bits` different values, zeros staying zero, and what they take. */
export function sharedAt(bits: number, layer: Layer): { values: Float32Array; bytes: number } {
  const { rows, cols } = layer.geometry
  const { centroids, codes } = sharedValues(
    finiteWeights(layer.root.value, layer.root.tensor, BY),
    2 ** bits,
    {
      keepZeros: true,
    },
  )
  const coded = { rows, cols, block: cols, bits, codes, codebook: centroids }
  return { values: valuesOf(coded), bytes: formFor(layer, coded, 'plain', false).bytes(coded) }
}
