/**
 * What operator rules say about channels. A rule names pairs of axes whose indices correspond; every axis of a
 * node it does not name is fixed, so that an incomplete rule can only prune too little, never break a model.
 */
import type { Graph, Node } from '../../onnx'

/** An axis of a value of the main graph; negative axes count from the end. */
export type AxisRef = readonly [value: string, axis: number]

export interface RuleContext {
  readonly graph: Graph
  readonly opset: number
  /** True where channels may be removed through layer normalization, whose statistics change with them. */
  readonly throughLayerNorm: boolean
  /** Dimensions from tracing; undefined where the value is no tensor. */
  dims(value: string | undefined): readonly number[] | undefined
  /** Dimensions at another batch and other lengths, where the model lets them vary. */
  otherDims(value: string): readonly number[] | undefined
  /** Numbers of a constant of at most a few thousand elements. */
  constant(value: string | undefined): number[] | undefined
  isInitializer(value: string | undefined): boolean
  /** Whether one node alone reads the value. */
  isReadOnce(value: string): boolean
  /** Index i of one is index i of the other. */
  same(a: AxisRef, b: AxisRef): void
  /** Pairs of indices that are one channel; indices not named are free of the other axis. */
  map(a: AxisRef, b: AxisRef, pairs: Iterable<readonly [inA: number, inB: number]>): void
  /** Row-major correspondence between the dimensions before and after a reshape. */
  reshape(from: readonly AxisRef[], to: readonly AxisRef[]): void
  /** As many channels must stay in each of `parts` equal stretches of the axis. */
  balance(axis: AxisRef, parts: number): void
  /**
   * The operator sums over the axis: a channel that is zero here might as well not be there. `measured` is where the
   * channel can be seen, where the axis is one of weights alone.
   */
  contract(axis: AxisRef, measured?: AxisRef): void
  /** Samples or heads over which a matrix product is repeated. */
  batch(axis: AxisRef): void
  /** The axis keeps its length whatever else happens; `indices` fixes only these. */
  freeze(axis: AxisRef, reason: string, indices?: readonly number[]): void
  /** The rule's own rewriting takes care of the axis. */
  handled(axis: AxisRef): void
}

/** A node in the copy of the model whose weights have been cut already. */
export interface RewriteContext {
  readonly graph: Graph
  readonly opset: number
  /** Dimensions in the model before. */
  before(value: string): readonly number[]
  otherBefore(value: string): readonly number[] | undefined
  /** Indices that stay along an axis; undefined where all do. */
  kept(value: string, axis: number): Int32Array | undefined
  /** Dimensions now; batch and lengths as in `before`. */
  after(value: string): number[]
  constant(value: string | undefined): number[] | undefined
  /** Gives input `slot` of the node a constant of its own. */
  setInts(node: Node, slot: number, values: readonly number[], dims?: readonly number[]): void
  /** Replaces the initializer of input `slot` by one with these rows kept per output. */
  setTensor(node: Node, slot: number, dims: readonly number[], pick: (flat: number) => number): void
}

export interface Rule {
  /** Operators as `Op` for the default domain or `domain:Op`. */
  readonly ops: readonly string[]
  relate(node: Node, context: RuleContext): void
  /** Attributes and shape constants that mention channel counts. */
  rewrite?(node: Node, context: RewriteContext): void
}
