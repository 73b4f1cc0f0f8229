/** A node with a weight, seen one way by everything that compresses it. */
import { PareError } from '../../contract/errors'
import { transposed } from '../math/quantize/rows'
import { sizeOf, Tensor, type Node } from '../onnx'
import type { Geometry, LayerKind } from './kinds/kind'

/** The constant a weight comes from: itself, or what the node reads through Identity, Cast and Transpose. */
export interface WeightRoot {
  value: string
  tensor: Tensor
  /** True where a Transpose lies between. */
  flipped: boolean
}

interface LayerInit {
  node: Node
  /** Default: the node's first output. */
  place?: string
  type: LayerKind
  /** Which input of the node the weight is. */
  slot: number
  /** The weight as the node reads it. */
  tensor: Tensor
  geometry: Geometry
  bias?: { value: string; tensor: Tensor | undefined }
  root: WeightRoot
  /** The node of the main graph in whose body the layer lies. */
  within?: Node
}

/** A layer as a matrix product: rows X [groups, n, inputs] · W [groups, inputs, outputs]. */
export interface ProductShape {
  groups: number
  inputs: number
  outputs: number
}

export class Layer {
  readonly node: Node
  /** The node's first output as it was found, after those of the nodes it lies within. */
  readonly place: string
  /** The layer's identity in every report: its place, and which weight where the node has several. */
  readonly name: string
  readonly type: LayerKind
  readonly slot: number
  /** The value the weight is multiplied by, or the indices that are looked up. */
  readonly input: string
  /** Name of the weight's value, as the node reads it. */
  readonly weight: string
  readonly tensor: Tensor
  readonly geometry: Geometry
  /** The bias among the node's inputs; its tensor is undefined where the model computes it. */
  readonly bias: { value: string; tensor: Tensor | undefined } | undefined
  readonly root: WeightRoot
  /** The If, Loop or Scan of the main graph in whose body the layer lies; its constants lie in the main graph. */
  readonly within: Node | undefined

  constructor(private readonly init: LayerInit) {
    this.node = init.node
    this.place = init.place ?? init.node.outputs.find((output) => output !== '')!
    const part = init.type.weightNames?.[init.slot]
    this.name = part === undefined ? this.place : `${this.place} (${part})`
    this.input = init.node.inputs[init.type.input]!
    this.type = init.type
    this.slot = init.slot
    this.weight = init.node.inputs[init.slot]!
    this.tensor = init.tensor
    this.geometry = init.geometry
    this.bias = init.bias
    this.root = init.root
    this.within = init.within
  }

  get kind(): LayerKind['kind'] {
    return this.type.kind
  }

  /** Axis of the weight along output channels; for an embedding, along its words. */
  get axis(): number {
    return this.geometry.outAxis
  }

  get groups(): number {
    return this.geometry.groups
  }

  /** Output channels; for an embedding, its words. */
  get channels(): number {
    const { rows, outAxis, groups } = this.geometry
    return this.kind === 'conv-transpose' ? this.tensor.dims[outAxis]! * groups : rows
  }

  get product(): ProductShape {
    const { groups, rows, cols } = this.geometry
    return { groups, inputs: cols, outputs: rows / groups }
  }

  /** True for y = x · Wᵀ + b and nothing else: no factors, no transposed input, no activation of its own. */
  get isPlain(): boolean {
    return !this.turnsInput && !this.isScaled && !this.node.attributes.has('activation')
  }

  get isScaled(): boolean {
    return this.factors.product !== 1 || this.factors.bias !== 1
  }

  get turnsInput(): boolean {
    return this.type.turnsInput?.(this.node) ?? false
  }

  /** Why rows of the input are not what the rows of the weight meet, where they are not. */
  get inputIssue(): string | undefined {
    return this.turnsInput ? `${this.node.opType} with a transposed activation` : undefined
  }

  /** Axis along which integer kernels take a scale a channel; undefined where they take one scale for all. */
  get scaleAxis(): number | undefined {
    return this.kind === 'matrix' && this.tensor.dims.length > 2 ? undefined : this.axis
  }

  /** The same axis of the constant the weight comes from. */
  get rootAxis(): number {
    return this.root.flipped ? 1 - this.axis : this.axis
  }

  /** Dims and axis by which the constant that the weight comes from has a scale for each output channel. */
  get channelView(): { dims: readonly number[]; axis: number } {
    const { rows, cols } = this.geometry
    // Gates of both directions are channels of their own.
    if (this.kind === 'recurrent') return { dims: [rows, cols], axis: 0 }
    return { dims: this.root.tensor.dims, axis: this.rootAxis }
  }

  /**
   * Inputs tap by tap: neighbouring channels at one tap of a kernel, as sparse matrix units want n-of-m patterns.
   * Source: arXiv:2104.08378, section 3.
   */
  get tapOrder(): Int32Array {
    const { taps } = this
    const { inputs } = this.product
    const channels = inputs / taps
    return Int32Array.from({ length: inputs }, (_, i) => (i % channels) * taps + Math.floor(i / channels))
  }

  /** Positions of a kernel; 1 for all else. */
  get taps(): number {
    return this.kind === 'conv' || this.kind === 'conv-transpose' ? sizeOf(this.tensor.dims.slice(2)) : 1
  }

  get factors(): { product: number; bias: number } {
    return this.type.factors?.(this.node) ?? { product: 1, bias: 1 }
  }

  get padsItself(): boolean {
    return this.type.padsItself?.(this.node, this.tensor.dims) ?? false
  }

  /** Layers of equal keys have equal rows, whichever way each of them reads them. */
  get rowsKey(): string {
    return `${this.root.tensor.contentKey()}|${this.rowsFirst ? 'rows' : 'cols'}`
  }

  /** True where the constant that the weight comes from is [rows, cols], row-major. */
  get rowsFirst(): boolean {
    return this.geometry.turned === this.root.flipped
  }

  inside(place: string, within: Node): Layer {
    return new Layer({ ...this.init, place, within })
  }

  /** The same layer in a copy of its graph. */
  on(node: Node): Layer {
    return new Layer({ ...this.init, node, place: this.place })
  }

  /**
   * The weight as float32 [rows, cols], row-major. Read-only: may share memory with the model. Where `by` is told,
   * throws `model/non-finite` in its name for NaN and infinities.
   */
  rows(by?: string): Float32Array {
    const { tensor } = this.root
    const values = by === undefined ? tensor.floats() : finiteWeights(this.weight, tensor, by)
    const { rows, cols } = this.geometry
    return this.rowsFirst ? values : transposed(values, cols, rows)
  }

  /** A tensor of the weight's own dtype and dims from values [rows, cols]. */
  withRows(values: Float32Array): Tensor {
    const { rows, cols, turned } = this.geometry
    const { dtype, dims } = this.tensor
    return Tensor.of(dtype, dims, turned ? transposed(values, rows, cols) : values)
  }

  /** W [groups, inputs, outputs] as float32, row-major: rows turned, group by group. */
  columns(): Float32Array {
    const { groups, inputs, outputs } = this.product
    return eachTurned(this.rows(), groups, outputs, inputs)
  }

  withColumns(values: Float32Array): Tensor {
    const { groups, inputs, outputs } = this.product
    return this.withRows(eachTurned(values, groups, inputs, outputs))
  }
}

function eachTurned(values: Float32Array, groups: number, rows: number, cols: number): Float32Array {
  const out = new Float32Array(values.length)
  const size = rows * cols
  for (let at = 0; at < groups * size; at += size)
    out.set(transposed(values.subarray(at, at + size), rows, cols), at)
  return out
}

/** A weight's values; throws `model/non-finite` where one is NaN or infinite, as no code stands for that. */
export function finiteWeights(name: string, tensor: Tensor, by: string): Float32Array {
  const values = tensor.floats()
  for (let i = 0; i < values.length; i++)
    if (values[i]! - values[i]! !== 0) throw new PareError('model/non-finite', { tensor: name, by })
  return values
}
