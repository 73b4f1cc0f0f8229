/** Integer weights and biases of statically quantized layers, each tensor stored once however many read it. */
import type { Affine } from '../../math/quantize/affine'
import { dequantizeChannels, quantizeChannels, type ChannelCodes } from '../../math/quantize/channels'
import { sqnr } from '../../math/quantize/sqnr'
import type { LayerReport } from '../../../contract/report'
import { channelBytes } from '../../layers/encodings/values'
import { Tensor, type Graph } from '../../onnx'
import { finiteWeights, type Layer } from '../../layers/layer'

/** Codes for a weight better than rounding gives them; undefined where there are none. */
type Rounding = (layer: Layer, rounded: ChannelCodes) => ChannelCodes | undefined

export interface WeightOptions {
  perChannel: boolean
  /** 8, or 7 where the machine's int8 products saturate. */
  bits: number
  /** The same of layers that are computed on integers: as many, or fewer. */
  computedBits?: number
  /** Layers that take `bits` though they are computed on integers. */
  spared?: ReadonlySet<string>
  clip: 'max' | 'mse'
  by: string
  rounding?: Rounding
  /** Codes already found, shared by several trials on the same model with the same options. */
  cache?: WeightCache
  /** Mean of each channel of a layer's input: with it, biases are corrected (arXiv:1906.04721, section 4.2). */
  meanOf?(input: string): ArrayLike<number> | undefined
}

/** The grid of layers that are computed on integers. Of few bits most are wasted on a rare large weight. */
export const computedGrid = ({
  bits,
  computedBits = bits,
  clip,
}: Pick<WeightOptions, 'bits' | 'computedBits' | 'clip'>): Pick<WeightOptions, 'bits' | 'clip'> => ({
  bits: computedBits,
  clip: computedBits < bits ? 'mse' : clip,
})

type WeightCache = Map<string, { codes: ChannelCodes; sqnr: number }>

/** An accumulator of int32 must hold the bias and the products: the bias gets half of it. */
const LARGEST_BIAS = 2 ** 30

/** Names of the constants that codes lie in. */
interface StoredChannels {
  codes: string
  scales: string
  zeroPoints: string
}

export class WeightStore {
  private readonly codes: WeightCache
  private readonly stored = new Map<ChannelCodes, StoredChannels>()
  /** Values of operators over stored codes, by what they are. */
  private readonly values = new Map<string, string>()
  /** What reports say of each layer. */
  readonly written = new Map<string, Pick<LayerReport, 'weightSqnr' | 'bytesAfter'>>()

  constructor(
    readonly graph: Graph,
    readonly options: WeightOptions,
  ) {
    this.codes = options.cache ?? new Map()
  }

  /** Adds a layer's weight and bias as integers; gives the names the node reads. */
  add(layer: Layer, input: Affine): string[] {
    const perChannel = this.options.perChannel && layer.scaleAxis !== undefined
    const bias = this.biasOf(layer)
    const floors = bias && smallestScales(bias, input.scale, !perChannel)
    let codes = this.codesOf(layer, perChannel, { rounded: true })
    if (floors?.some((floor, c) => codes.scales[c]! < floor))
      codes = this.codesOf(layer, perChannel, { rounded: true, floors })
    if (bias) this.correct(layer, bias, codes, perChannel)
    const stored = this.constants(layer, codes, perChannel)
    const laid = this.laidOut(stored.codes, layer.root.flipped, layer.weight)
    const values = this.once(`${laid} dequantized`, () =>
      dequantize(this.graph, layer.weight, perChannel ? layer.axis : undefined, [
        laid,
        stored.scales,
        stored.zeroPoints,
      ]),
    )
    return bias ? [values, this.writeBias(layer, bias, codes.scales, input.scale, perChannel)] : [values]
  }

  /**
   * Codes laid out as the constant that the weight comes from. Tied weights share them (the first layer's data decides),
   * unless a layer's bias needs scales of its own.
   */
  private codesOf(
    layer: Layer,
    perChannel: boolean,
    { rounded = false, floors }: { rounded?: boolean; floors?: Float32Array } = {},
  ): ChannelCodes {
    const { by, rounding, spared } = this.options
    const { bits, clip } = rounded && !spared?.has(layer.name) ? computedGrid(this.options) : this.options
    const { tensor } = layer.root
    const { dims } = layer.channelView
    const axis = perChannel ? layer.channelView.axis : undefined
    const key = `${tensor.contentKey()}|${axis}|${bits}|${floors ? `${layer.name}, scaled for its bias` : ''}`
    let found = this.codes.get(key)
    if (!found) {
      const values = finiteWeights(layer.weight, tensor, by)
      const type = { bits, signed: true, symmetric: true }
      let codes = quantizeChannels(values, dims, { ...type, axis, clip, smallestScales: floors })
      if (rounded) codes = rounding?.(layer, codes) ?? codes
      found = { codes, sqnr: sqnr(values, dequantizeChannels(codes, dims, axis)) }
      this.codes.set(key, found)
    }
    this.written.set(layer.name, { weightSqnr: found.sqnr, bytesAfter: channelBytes(found.codes) })
    return found.codes
  }

  private constants({ root }: Layer, codes: ChannelCodes, perChannel: boolean): StoredChannels {
    const { graph } = this
    let found = this.stored.get(codes)
    if (!found) {
      const shape = perChannel ? [codes.scales.length] : []
      found = {
        codes: graph.addInitializer(
          `${root.value}_int8`,
          Tensor.fromBytes('int8', root.tensor.dims, new Uint8Array(codes.codes.buffer as ArrayBuffer)),
        ),
        scales: graph.addInitializer(`${root.value}_scale`, Tensor.float32(shape, codes.scales)),
        zeroPoints: graph.addInitializer(
          `${root.value}_zero_point`,
          Tensor.of('int8', shape, codes.zeroPoints),
        ),
      }
      this.stored.set(codes, found)
    }
    return found
  }

  private once(key: string, make: () => string): string {
    let found = this.values.get(key)
    if (found === undefined) this.values.set(key, (found = make()))
    return found
  }

  /** The same codes, or turned by an operator that runtimes fold when they load the model: tied layers keep one copy. */
  private laidOut(codes: string, turned: boolean, name: string): string {
    if (!turned) return codes
    return this.once(`${codes} turned`, () => {
      const output = this.graph.freshName(`${name}_int8_turned`)
      const attributes = { perm: { ints: [1, 0] } }
      this.graph.addNode({
        opType: 'Transpose',
        name: output,
        inputs: [codes],
        outputs: [output],
        attributes,
      })
      return output
    })
  }

  /** Constants of a layer's weight: codes int8 in its own shape, scales float32 a channel. */
  addChannels(layer: Layer, perChannel = this.options.perChannel): { codes: string; scales: string } {
    const { codes, scales } = this.constants(layer, this.codesOf(layer, perChannel), perChannel)
    return { scales, codes: this.laidOut(codes, layer.root.flipped, layer.weight) }
  }

  /** The same for a matrix, as [inputs, outputs] however the layer reads it. */
  addProduct(layer: Layer): { codes: string; scales: string } {
    const { perChannel } = this.options
    const { codes, scales } = this.constants(layer, this.codesOf(layer, perChannel), perChannel)
    return { scales, codes: this.laidOut(codes, layer.rowsFirst, layer.weight) }
  }

  /** A copy, for it may be corrected; a convolution without a bias gets one where there is something to correct. */
  private biasOf({ bias, kind, channels }: Layer): Float32Array | undefined {
    if (bias) return finiteWeights(bias.value, bias.tensor!, this.options.by).slice()
    return kind === 'conv' && this.options.meanOf ? new Float32Array(channels) : undefined
  }

  /** Adds Σ (W − Ŵ) · E[x], which is what the outputs are off by on average. */
  private correct(layer: Layer, bias: Float32Array, codes: ChannelCodes, perChannel: boolean): void {
    const { weight, root, rootAxis, rowsFirst, geometry, taps } = layer
    const mean = this.options.meanOf?.(layer.input)
    if (!mean) return
    const values = finiteWeights(weight, root.tensor, this.options.by)
    const rounded = dequantizeChannels(codes, root.tensor.dims, perChannel ? rootAxis : undefined)
    const { rows, cols, groups } = geometry
    for (let r = 0; r < rows; r++) {
      const firstInput = Math.floor((r * groups) / rows) * (cols / taps)
      let shift = 0
      for (let c = 0; c < cols; c++) {
        const at = rowsFirst ? r * cols + c : c * rows + r
        shift += (values[at]! - rounded[at]!) * mean[firstInput + Math.floor(c / taps)]!
      }
      bias[r]! += shift
    }
  }

  /** int32 in units of input scale × weight scale, as the accumulator counts. */
  private writeBias(
    layer: Layer,
    bias: Float32Array,
    weightScales: Float32Array,
    inputScale: number,
    perChannel: boolean,
  ): string {
    const { graph } = this
    const name = layer.bias?.value ?? `${layer.name}_bias`
    const scales = weightScales.map((scale) => scale * inputScale)
    const codes = Int32Array.from(bias, (b, c) => Math.round(b / scales[perChannel ? c : 0]!))
    return dequantize(graph, name, perChannel ? 0 : undefined, [
      graph.addInitializer(
        `${name}_int32`,
        Tensor.fromBytes('int32', [bias.length], new Uint8Array(codes.buffer)),
      ),
      graph.addInitializer(`${name}_scale`, Tensor.float32(perChannel ? [scales.length] : [], scales)),
    ])
  }
}

function dequantize(graph: Graph, name: string, axis: number | undefined, inputs: string[]): string {
  const output = graph.freshName(`${name}_dequantized`)
  graph.addNode({
    opType: 'DequantizeLinear',
    name: graph.freshName(`${name}_dq`),
    inputs,
    outputs: [output],
    attributes: axis === undefined ? {} : { axis: { int: axis } },
  })
  return output
}

/** Scales below which a bias would not fit its int32. */
function smallestScales(bias: Float32Array, inputScale: number, perTensor: boolean): Float32Array {
  const floors = bias.map((b) => Math.abs(b) / (inputScale * LARGEST_BIAS))
  return perTensor ? Float32Array.of(floors.reduce((a, b) => Math.max(a, b), 0)) : floors
}
