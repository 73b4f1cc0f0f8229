/**
 * Rounding of integer weights learned within the statically quantized model: activations are integers while it is, so
 * that it makes up for their errors too. Source: arXiv:2102.05426 (BRECQ).
 */
import { z } from 'zod'
import { plural } from '../../../contract/format'
import type { ChannelCodes } from '../../math/quantize/channels'
import { transposed } from '../../math/quantize/rows'
import type { Layer } from '../../layers/layer'
import { Tensor, type Graph, type Model } from '../../onnx'
import { codesOf, writeFakeWeight, type FakeWeight } from '../../training/fake-quant'
import { Parameters } from '../../training/trainable'
import type { PassContext } from '../pass'
import type { StaticResult } from '../quantization/static'
import { blocksOf, type LayerBlock } from './blocks'
import { laidOut } from './fake-layers'
import { roundedLearningFields } from './fields'
import { reconstruct } from './reconstruction'

/**
 * Updates a part learns for; the paper takes twenty thousand of a twentieth of the size. On a made residual net (4 and 3
 * bits) 240 left half of what blocks win over layers to be won.
 */
const UPDATES = 1000

interface Learned {
  /** By layer, laid out as the constant that its weight comes from. */
  codes: Map<string, ChannelCodes>
  told: string
}

/**
 * Codes on the scales of `starts`, better than these. `quantized` is `model` with its activations as integers, every
 * value under its own name; it is changed.
 */
export async function learnedCodes(
  model: Model,
  quantized: StaticResult,
  starts: ReadonlyMap<string, ChannelCodes>,
  context: PassContext,
  {
    by,
    bits,
    rounding,
    meanOf,
  }: {
    by: string
    bits: number
    rounding: 'layers' | 'blocks'
    /** Mean of each channel of a layer's input, where biases are corrected by it. */
    meanOf(input: string): ArrayLike<number> | undefined
  },
): Promise<Learned> {
  const { graph } = quantized.model
  const fakes = new Map<string, { fake: FakeWeight; value: string }>()
  const learning: { layer: Layer; output: string; fake: FakeWeight }[] = []
  for (const { node, weight: layer, output } of quantized.plan.ops) {
    const start = layer && starts.get(layer.name)
    if (!start) continue
    let found = fakes.get(layer.rowsKey)
    if (!found) {
      // The lowest code has no counterpart: leaving it out keeps the type symmetric.
      found = writeFakeWeight(graph, layer.weight, layer.rows(by), grouped(layer, start, bits), 'rounding', 1)
      fakes.set(layer.rowsKey, found)
    }
    node.inputs[layer.slot] = laidOut(graph, layer, found.value)
    const mean = node.inputs[2] && meanOf(layer.input)
    if (mean) node.inputs[2] = correctedBias(graph, layer, found.value, mean)
    learning.push({ layer, output, fake: found.fake })
  }
  graph.sort()
  graph.prune()
  const floats = model.clone()
  floats.graph.sort()
  const word = rounding === 'layers' ? 'layer' : 'block'
  const parts = partsOf(floats, learning, word)
  const settings = z.object(roundedLearningFields).parse({})
  const closer = await reconstruct(quantized.model, floats, parts, context, settings, {
    word,
    updates: UPDATES,
  })
  const codes = new Map(
    learning.map(({ layer, fake }) => {
      const parameters = Parameters.of(quantized.model, [fake.latent])
      const learned = codesOf(parameters, fake, (scale) => scale).codes
      return [layer.name, channelled(layer, learned, starts.get(layer.name)!, bits)]
    }),
  )
  const most = plural(parts.length, word, rounding)
  return { codes, told: `learned rounding brought ${closer} of ${most} closer to the original` }
}

/** The bias as it will be corrected for these `rows` [outputs, inputs]: what they are off by on average is made up for. */
function correctedBias(graph: Graph, layer: Layer, rows: string, mean: ArrayLike<number>): string {
  const { rows: channels, cols, groups } = layer.geometry
  const constant = (dims: readonly number[], values: Float32Array): string =>
    graph.addInitializer(`${layer.weight}/bias`, Tensor.float32(dims, values))
  const op = (opType: string, inputs: string[], attributes = {}): string => {
    const output = graph.freshName(`${layer.weight}/bias/${opType}`)
    graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }
  const off = op('Sub', [constant([channels, cols], layer.rows()), rows])
  const means = new Float32Array(groups * cols).map(
    (_, i) => mean[Math.floor(i / cols) * (cols / layer.taps) + Math.floor((i % cols) / layer.taps)]!,
  )
  const split = graph.addInitializer(`${layer.weight}/shape`, Tensor.int64([groups, channels / groups, cols]))
  const shift = op('MatMul', [op('Reshape', [off, split]), constant([groups, cols, 1], means)])
  const flat = graph.addInitializer(`${layer.weight}/shape`, Tensor.int64([channels]))
  const own = layer.bias?.tensor?.floats() ?? new Float32Array(channels)
  return op('Add', [op('Reshape', [shift, flat]), constant([channels], own)])
}

/** Every weight learns with the first of the parts that read it. */
function partsOf(
  floats: Model,
  learning: readonly { layer: Layer; output: string; fake: FakeWeight }[],
  word: 'layer' | 'block',
): { output: string; fakes: FakeWeight[] }[] {
  const producers = floats.graph.producers()
  const places = learning.map((one) => ({ ...one, node: producers.get(one.layer.name)! }))
  const parts: LayerBlock<(typeof places)[number]>[] =
    word === 'block'
      ? blocksOf(floats.graph, places)
      : places.map((one) => ({ layers: [one], output: one.output }))
  const taken = new Set<FakeWeight>()
  return parts.flatMap(({ layers, output }) => {
    const fakes = [...new Set(layers.map(({ fake }) => fake))].filter((fake) => !taken.has(fake))
    for (const fake of fakes) taken.add(fake)
    return fakes.length > 0 ? [{ output, fakes }] : []
  })
}

/** One scale a row, codes counted from zero. */
function grouped({ geometry, rowsFirst }: Layer, start: ChannelCodes, bits: number): FakeWeight['start'] {
  const { rows, cols } = geometry
  const middle = 2 ** (bits - 1)
  const codes = rowsFirst ? start.codes : transposed(start.codes, cols, rows)
  return {
    ...{ rows, cols, block: cols, bits },
    codes: Uint8Array.from(codes, (code) => code + middle),
    scales: start.scales,
    zeros: new Float32Array(rows).fill(middle),
  }
}

function channelled(
  { geometry: { rows, cols }, rowsFirst }: Layer,
  learned: Uint8Array,
  { scales, zeroPoints }: ChannelCodes,
  bits: number,
): ChannelCodes {
  const codes = Int8Array.from(learned, (code) => code - 2 ** (bits - 1))
  return { codes: rowsFirst ? codes : transposed(codes, rows, cols), scales, zeroPoints }
}
