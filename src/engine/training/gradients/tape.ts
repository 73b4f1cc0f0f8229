/** Where gradient rules write backward nodes: plain ONNX operators behind a few helpers. */
import { Node, sizeOf, Tensor, type AttributeInput, type DType, type Graph } from '../../onnx'

/** dtype and static shape of a value at the micro-batch size, found by tracing. */
export interface Traced {
  dtype: DType
  dims: readonly number[]
}

type Attributes = Readonly<Record<string, AttributeInput>>

/** Axis counted from the front. */
export const frontAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** The shape two shapes broadcast to. Source: ONNX, docs/Broadcasting.md. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return range(rank).map((i) => {
    const x = a[i - rank + a.length] ?? 1
    const y = b[i - rank + b.length] ?? 1
    return x === 1 ? y : x
  })
}

/**
 * The backward half of a training graph while it is written. Values are names; gradients have the shape of
 * the value they belong to. All shapes are static, so reshapes take plain numbers.
 */
export class Tape {
  readonly nodes: Node[] = []
  private readonly constants = new Map<string, string>()

  constructor(
    readonly graph: Graph,
    readonly opset: number,
    private readonly traced: ReadonlyMap<string, Traced>,
    private readonly needed: ReadonlySet<string>,
  ) {}

  shape(value: string): readonly number[] {
    const found = this.traced.get(value)
    if (!found) throw new RangeError(`value ${value} was not traced`)
    return found.dims
  }

  dtype(value: string): DType | undefined {
    return this.traced.get(value)?.dtype
  }

  /** True where a gradient of this input leads to something trainable. */
  wants(value: string | undefined): value is string {
    return value !== undefined && value !== '' && this.needed.has(value)
  }

  /** The tensor of a constant input: an initializer that is not trained or a Constant node. */
  constant(value: string | undefined): Tensor | undefined {
    return value ? this.graph.constant(value) : undefined
  }

  op(opType: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.ops(opType, inputs, 1, attributes)[0]!
  }

  ops(
    opType: string,
    inputs: readonly string[],
    count: number,
    attributes: Attributes = {},
    domain = '',
  ): string[] {
    const outputs = range(count).map(() => this.graph.freshName(`grad/${opType}`))
    this.nodes.push(new Node({ opType, domain, name: outputs[0], inputs, outputs, attributes }))
    return outputs
  }

  /** Another output of a forward node, such as the indices of MaxPool; asked for if the model does not. */
  extraOutput(node: Node, index: number): string {
    while (node.outputs.length <= index) node.outputs.push('')
    node.outputs[index] ||= this.graph.freshName(`${node.outputs[0]}/extra`)
    return node.outputs[index]
  }

  private shared(key: string, make: () => Tensor): string {
    const name = this.constants.get(key) ?? this.graph.addInitializer('grad/constant', make())
    this.constants.set(key, name)
    return name
  }

  scalar(value: number): string {
    return this.shared(`f${value}`, () => Tensor.scalar('float32', value))
  }

  ints(values: readonly number[]): string {
    return this.shared(`i${values.join(',')}`, () => Tensor.int64(values))
  }

  int(value: number): string {
    return this.shared(`s${value}`, () => Tensor.int64([value], []))
  }

  floats(dims: readonly number[], values: Float32Array | readonly number[]): string {
    return this.graph.addInitializer('grad/constant', Tensor.float32(dims, values))
  }

  zeros(dims: readonly number[]): string {
    return this.expand(this.scalar(0), dims)
  }

  add = (a: string, b: string): string => this.op('Add', [a, b])
  sub = (a: string, b: string): string => this.op('Sub', [a, b])
  mul = (a: string, b: string): string => this.op('Mul', [a, b])
  div = (a: string, b: string): string => this.op('Div', [a, b])
  neg = (a: string): string => this.op('Neg', [a])
  scale = (a: string, by: number): string => (by === 1 ? a : this.op('Mul', [a, this.scalar(by)]))

  /** `a` where `condition` (bool) holds, else zero. */
  masked(condition: string, a: string): string {
    return this.op('Where', [condition, a, this.scalar(0)])
  }

  /**
   * `gradient` (same shape as `dy`), zero where `dy` is zero: of what a Where has not chosen the slope may be infinite, or no
   * number at all, and zero times that is no number.
   */
  chosen(dy: string, gradient: string): string {
    return this.op('Where', [this.op('Equal', [dy, this.scalar(0)]), this.scalar(0), gradient])
  }

  reshape(value: string, dims: readonly number[]): string {
    // A zero in a Reshape means "copy", so an empty tensor cannot be reshaped; nothing has to be learned from one.
    return this.op('Reshape', [value, this.ints(dims)])
  }

  transpose(value: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i)
      ? value
      : this.op('Transpose', [value], { perm: { ints: perm } })
  }

  expand(value: string, dims: readonly number[]): string {
    return this.op('Expand', [value, this.ints(dims)])
  }

  reduceSum(value: string, axes: readonly number[], keep: boolean): string {
    if (axes.length === 0) return value
    const keepdims = { int: keep ? 1 : 0 }
    if (this.opset < 13) return this.op('ReduceSum', [value], { axes: { ints: axes }, keepdims })
    return this.op('ReduceSum', [value, this.ints(axes)], { keepdims })
  }

  reduceMean(value: string, axes: readonly number[]): string {
    if (this.opset < 18) return this.op('ReduceMean', [value], { axes: { ints: axes }, keepdims: { int: 1 } })
    return this.op('ReduceMean', [value, this.ints(axes)], { keepdims: { int: 1 } })
  }

  /** Sums a gradient of shape `from` down to the shape `to` that had been broadcast to it. */
  unbroadcast(value: string, from: readonly number[], to: readonly number[]): string {
    const lead = from.length - to.length
    const axes = range(from.length).filter((i) => i < lead || (to[i - lead] === 1 && from[i] !== 1))
    if (axes.length === 0) return value
    const reduced = this.reduceSum(value, axes, lead === 0)
    return lead === 0 ? reduced : this.reshape(reduced, to)
  }

  slice(
    value: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps?: readonly number[],
  ): string {
    if (this.opset < 10 && !steps)
      return this.op('Slice', [value], {
        starts: { ints: starts },
        ends: { ints: ends },
        axes: { ints: axes },
      })
    const inputs = [value, this.ints(starts), this.ints(ends), this.ints(axes)]
    return this.op('Slice', steps ? [...inputs, this.ints(steps)] : inputs)
  }

  /** Zeros around a value: `before` and `after` per axis; negative numbers cut. */
  pad(value: string, before: readonly number[], after: readonly number[]): string {
    if ([...before, ...after].every((n) => n === 0)) return value
    if (this.opset < 11) return this.op('Pad', [value], { pads: { ints: [...before, ...after] } })
    return this.op('Pad', [value, this.ints([...before, ...after])])
  }

  /**
   * The transpose of picking `picks` (all different) along `axis`: what was picked goes back to its place among
   * `size` rows, zero elsewhere. Written as a Gather with the inverse map, which runs in parallel.
   */
  unpick(
    value: string,
    dims: readonly number[],
    axis: number,
    picks: readonly number[],
    size: number,
  ): string {
    const [first = 0] = picks
    if (picks.every((pick, i) => pick === first + i)) {
      const before = dims.map((_, i) => (i === axis ? first : 0))
      const after = dims.map((_, i) => (i === axis ? size - first - picks.length : 0))
      return this.pad(value, before, after)
    }
    const inverse = new Array<number>(size).fill(picks.length)
    picks.forEach((pick, i) => (inverse[pick] = i))
    const zeroRow = this.zeros(dims.map((dim, i) => (i === axis ? 1 : dim)))
    const padded = this.op('Concat', [value, zeroRow], { axis: { int: axis } })
    return this.op('Gather', [padded, this.ints(inverse)], { axis: { int: axis } })
  }

  /** Multiplies along one axis by the transpose of a matrix [rows = dims[axis], columns = size]. */
  contract(value: string, dims: readonly number[], axis: number, matrix: string): string {
    const rank = dims.length
    const perm = [...range(rank).filter((i) => i !== axis), axis]
    const product = this.op('MatMul', [this.transpose(value, perm), matrix])
    const back = range(rank).map((i) => perm.indexOf(i))
    return this.transpose(product, back)
  }

  /** Adds rows of `updates` into zeros of shape `dims` along `axis`; indices may repeat. */
  scatterAdd(dims: readonly number[], indices: string, updates: string, axis: number): string {
    // ScatterND with repeated indices races on several threads; ScatterElements does not.
    return this.op('ScatterElements', [this.zeros(dims), indices, updates], {
      axis: { int: axis },
      reduction: 'add',
    })
  }

  elements(value: string): number {
    return sizeOf(this.shape(value))
  }
}
