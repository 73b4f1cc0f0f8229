/** Integer weights and biases of statically quantized layers, each tensor stored once however many read it. */
import type { Affine } from '../../math/quantize/affine'
import { dequantizeChannels, quantizeChannels, type ChannelCodes } from '../../math/quantize/channels'
import { sqnr } from '../../math/quantize/sqnr'
import { Tensor, type Graph } from '../../onnx'
import type { QuantizableOp } from './plan'
import { finiteWeights, type Layer } from '../../layers/layer'

/** Codes for a weight better than rounding gives them; undefined where there are none. */
export type Rounding = (op: QuantizableOp, rounded: ChannelCodes) => ChannelCodes | undefined

export interface WeightOptions {
  perChannel: boolean
  /** 8, or 7 where the machine's int8 products saturate. */
  bits: number
  clip: 'max' | 'mse'
  by: string
  rounding?: Rounding
  /** Codes already found, shared by several trials on the same model with the same options. */
  cache?: WeightCache
  /** Mean of each channel of a layer's input: with it, biases are corrected (arXiv:1906.04721, section 4.2). */
  meanOf?(input: string): ArrayLike<number> | undefined
}

export type WeightCache = Map<string, { codes: ChannelCodes; sqnr: number }>

/** An accumulator of int32 must hold the bias and the products: the bias gets half of it. */
const LARGEST_BIAS = 2 ** 30

export class WeightStore {
  private readonly codes: WeightCache
  private readonly stored = new Map<ChannelCodes, { codes: string; scales: string; zeroPoints: string }>()
  private readonly written = new Map<ChannelCodes, string>()
  /** Decibel of the weights, by layer. */
  readonly quality = new Map<string, number>()

  constructor(
    readonly graph: Graph,
    readonly options: WeightOptions,
  ) {
    this.codes = options.cache ?? new Map()
  }

  /** Adds a layer's weight and bias as integers; gives the names the node reads. */
  add(op: QuantizableOp, input: Affine): string[] {
    const axis = this.options.perChannel ? op.axis : undefined
    const bias = this.biasOf(op)
    const floors = bias && smallestScales(bias, input.scale, axis === undefined)
    let codes = this.rounded(op, axis)
    if (floors?.some((floor, c) => codes.scales[c]! < floor)) codes = this.rounded(op, axis, floors)
    if (bias) this.correct(op, bias, codes, axis)
    let values = this.written.get(codes)
    if (!values) this.written.set(codes, (values = this.write(op, codes, axis)))
    return bias ? [values, this.writeBias(op, bias, codes.scales, input.scale, axis)] : [values]
  }

  /** Tied weights share codes (the first layer's data decides), unless a layer's bias needs scales of its own. */
  private rounded(op: QuantizableOp, axis: number | undefined, floors?: Float32Array): ChannelCodes {
    const { weight, tensor } = op.weight!
    const own = floors === undefined ? '' : `${op.layer}, scaled for its bias`
    return this.codesOf(op.layer, weight, tensor, axis, own, floors, op)
  }

  private codesOf(
    layer: string,
    name: string,
    tensor: Tensor,
    axis: number | undefined,
    own: string,
    floors?: Float32Array,
    op?: QuantizableOp,
  ): ChannelCodes {
    const { bits, clip, by, rounding } = this.options
    const key = `${tensor.contentKey()}|${axis}|${own}`
    let found = this.codes.get(key)
    if (!found) {
      const values = finiteWeights(name, tensor, by)
      const type = { bits, signed: true, symmetric: true }
      let codes = quantizeChannels(values, tensor.dims, { ...type, axis, clip, smallestScales: floors })
      if (op) codes = rounding?.(op, codes) ?? codes
      found = { codes, sqnr: sqnr(values, dequantizeChannels(codes, tensor.dims, axis)) }
      this.codes.set(key, found)
    }
    this.quality.set(layer, found.sqnr)
    return found.codes
  }

  private write(op: QuantizableOp, codes: ChannelCodes, axis: number | undefined): string {
    const { weight, tensor } = op.weight!
    const stored = this.constants(weight, tensor.dims, codes, axis)
    return dequantize(this.graph, weight, axis, [stored.codes, stored.scales, stored.zeroPoints])
  }

  private constants(
    name: string,
    dims: readonly number[],
    codes: ChannelCodes,
    axis: number | undefined,
  ): { codes: string; scales: string; zeroPoints: string } {
    const { graph } = this
    let found = this.stored.get(codes)
    if (!found) {
      const shape = axis === undefined ? [] : [codes.scales.length]
      found = {
        codes: graph.addInitializer(
          `${name}_int8`,
          Tensor.fromBytes('int8', dims, new Uint8Array(codes.codes.buffer as ArrayBuffer)),
        ),
        scales: graph.addInitializer(`${name}_scale`, Tensor.float32(shape, codes.scales)),
        zeroPoints: graph.addInitializer(`${name}_zero_point`, Tensor.of('int8', shape, codes.zeroPoints)),
      }
      this.stored.set(codes, found)
    }
    return found
  }

  /** Constants of a layer's weight: codes int8 in its own shape, scales float32 a channel. */
  addChannels(layer: Layer): { codes: string; scales: string } {
    const axis = this.options.perChannel ? layer.axis : undefined
    const codes = this.codesOf(layer.name, layer.weight, layer.tensor, axis, '')
    return this.constants(layer.weight, layer.tensor.dims, codes, axis)
  }

  /** Rows of an embedding as integers with a scale each, shared with a layer that is tied to it. */
  addRows(layer: string, name: string, tensor: Tensor): { codes: string; scales: string } {
    const codes = this.codesOf(layer, name, tensor, 0, '')
    return this.constants(name, tensor.dims, codes, 0)
  }

  /** A copy, for it may be corrected; a convolution without a bias gets one where there is something to correct. */
  private biasOf(op: QuantizableOp): Float32Array | undefined {
    const { bias, kind, channels } = op.weight!
    if (bias) return finiteWeights(bias.value, bias.tensor!, this.options.by).slice()
    return kind === 'conv' && this.options.meanOf ? new Float32Array(channels) : undefined
  }

  /** Adds Σ (W − Ŵ) · E[x], which is what the outputs are off by on average. */
  private correct(
    op: QuantizableOp,
    bias: Float32Array,
    codes: ChannelCodes,
    axis: number | undefined,
  ): void {
    const { weight, tensor, geometry, taps } = op.weight!
    const mean = this.options.meanOf?.(op.inputs[0]!)
    if (!mean) return
    const values = finiteWeights(weight, tensor, this.options.by)
    const rounded = dequantizeChannels(codes, tensor.dims, axis)
    const { rows, cols, turned, groups } = geometry
    for (let r = 0; r < rows; r++) {
      const firstInput = Math.floor((r * groups) / rows) * (cols / taps)
      let shift = 0
      for (let c = 0; c < cols; c++) {
        const at = turned ? c * rows + r : r * cols + c
        shift += (values[at]! - rounded[at]!) * mean[firstInput + Math.floor(c / taps)]!
      }
      bias[r]! += shift
    }
  }

  /** int32 in units of input scale × weight scale, as the accumulator counts. */
  private writeBias(
    op: QuantizableOp,
    bias: Float32Array,
    weightScales: Float32Array,
    inputScale: number,
    axis: number | undefined,
  ): string {
    const { graph } = this
    const name = op.weight!.bias?.value ?? `${op.layer}_bias`
    const scales = weightScales.map((scale) => scale * inputScale)
    const codes = Int32Array.from(bias, (b, c) => Math.round(b / scales[axis === undefined ? 0 : c]!))
    return dequantize(graph, name, axis === undefined ? undefined : 0, [
      graph.addInitializer(
        `${name}_int32`,
        Tensor.fromBytes('int32', [bias.length], new Uint8Array(codes.buffer)),
      ),
      graph.addInitializer(
        `${name}_scale`,
        Tensor.float32(axis === undefined ? [] : [scales.length], scales),
      ),
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
