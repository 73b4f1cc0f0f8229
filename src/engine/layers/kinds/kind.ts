/** What every kind of layer declares: where its weight lies among its inputs, and how the weight lies in memory. */
import type { Node } from '../../onnx'

export type KindName = 'conv' | 'conv-transpose' | 'matrix' | 'embedding' | 'recurrent' | 'attention'

/** Rows [from, to) that compute something of their own: a gate of a recurrent layer, the queries of attention. */
export interface RowPart {
  name: string
  from: number
  to: number
}

/** A weight as a matrix [rows, cols]: a row makes one output channel, or is one word of an embedding. */
export interface Geometry {
  rows: number
  cols: number
  /** True where the file holds [cols, rows]. */
  turned: boolean
  /** Axis of the weight along output channels; for an embedding, along its words. */
  outAxis: number
  /** Axis along input channels, or along those of a group; for an embedding, along its width. */
  inAxis: number
  /** Parts of the input and output channels that know nothing of each other. */
  groups: number
  parts?: readonly RowPart[]
}

export interface LayerKind {
  readonly kind: KindName
  /** Operators of the default domain as `Op`, others as `domain:Op`. */
  readonly ops: readonly string[]
  /** Inputs that hold a weight; a layer for each. */
  readonly weights: readonly number[]
  /** What weights after the first are called in reports, by input. */
  readonly weightNames?: Readonly<Record<number, string>>
  /** Input that holds what the weight is multiplied by, or what is looked up. */
  readonly input: number
  readonly bias?: number
  /** True for operators that mostly read no weight at all: nothing is said about those. */
  readonly seldom?: boolean
  /** Dimensions of the weight in; why it is no such weight, where it is not. */
  geometry(node: Node, dims: readonly number[], slot: number): Geometry | string
  /** True where the input is read transposed. */
  turnsInput?(node: Node): boolean
  /** What the product and the bias are multiplied by. */
  factors?(node: Node): { product: number; bias: number }
  /** True where the operator finds out its padding by itself. */
  padsItself?(node: Node, dims: readonly number[]): boolean
}
