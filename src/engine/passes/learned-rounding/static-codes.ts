/**
 * int8 weights for static quantization whose rounding was learned: on the scales of plain rounding, layer by layer,
 * each against its own output in the original. Source: arXiv:2004.10568 (AdaRound).
 */
import { z } from 'zod'
import type { ChannelCodes } from '../../math/quantize/channels'
import { transposed } from '../../math/quantize/rows'
import type { Model } from '../../onnx'
import { codesOf } from '../../training/fake-quant'
import { Parameters } from '../../training/trainable'
import type { PassContext } from '../pass'
import type { Site } from '../quantization/plan'
import { rowShape } from '../quantization/readers'
import type { WeightedLayer } from '../quantization/layers'
import { roundByLayer } from './by-layer'
import { keyOf, writeFakeLayers } from './fake-layers'
import { roundedLearningFields, SETTLING } from './fields'

export interface LearnedCodes {
  codes: Map<string, ChannelCodes>
  /** Layers that came closer than with the codes they started from; the others keep those. */
  closer: number
  layers: number
}

/** `starts` are codes by layer, of weights with a scale per output channel. Throws what training throws. */
export async function learnedCodes(
  model: Model,
  sites: readonly Site[],
  starts: ReadonlyMap<string, ChannelCodes>,
  context: PassContext,
  { bits, by }: { bits: number; by: string },
): Promise<LearnedCodes> {
  const fakeModel = model.clone()
  const layers = sites.flatMap(({ node, layer, weight }): WeightedLayer[] =>
    weight?.axis !== undefined && starts.has(layer)
      ? [{ node, layer, weight: weight.name, tensor: weight.tensor, axis: weight.axis }]
      : [],
  )
  const middle = 2 ** (bits - 1)
  const fakes = writeFakeLayers(fakeModel, layers, 'rounding', by, (layer) => {
    const { rows, cols, turned } = rowShape(layer)
    const { codes, scales } = starts.get(layer.layer)!
    const lying = turned ? transposed(codes, cols, rows) : codes
    return {
      rows,
      cols,
      block: cols,
      bits,
      codes: Uint8Array.from(lying, (code) => code + middle),
      scales,
      zeros: new Float32Array(rows).fill(middle),
    }
  })
  if (fakes.size === 0) return { codes: new Map(), closer: 0, layers: 0 }
  const list = [...fakes.values()].map(({ layer, fake }) => ({ output: layer.layer, fake }))
  const settings = z.object(roundedLearningFields).parse({})
  const closer = await roundByLayer(fakeModel, model, list, context, settings, SETTLING)
  const parameters = Parameters.of(
    fakeModel,
    list.map(({ fake }) => fake.latent),
  )
  const codes = new Map<string, ChannelCodes>()
  for (const layer of layers) {
    const { rows, cols, turned } = rowShape(layer)
    const { scales, zeroPoints } = starts.get(layer.layer)!
    const learned = codesOf(parameters, fakes.get(keyOf(layer))!.fake, (scale) => scale)
    // The lowest code has no counterpart: leaving it out keeps the type symmetric.
    const signed = Int8Array.from(learned.codes, (code) => Math.max(1, code) - middle)
    codes.set(layer.layer, { codes: turned ? transposed(signed, rows, cols) : signed, scales, zeroPoints })
  }
  return { codes, closer, layers: list.length }
}
