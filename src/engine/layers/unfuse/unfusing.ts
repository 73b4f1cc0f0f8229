/** Fused operators written out: what one is made of, by operators every pass knows. */
import { Tensor, type AttributeInput, type Graph, type Model, type Node, type NodeInit } from '../../onnx'

export interface Unfusing {
  /** `Op`, or `domain:Op`. */
  op: string
  sources: readonly string[]
  /** Writes the node out through `site`; a text says why this one cannot be. */
  write(site: Site): string | undefined
}

export const defineUnfusing = (unfusing: Unfusing): Unfusing => unfusing

/** dtype and dims of a value as it was run; free axes have the lengths of that run. */
export interface Known {
  dtype: string
  dims: readonly number[]
}

export type Attributes = Readonly<Record<string, AttributeInput>>

/** A fused node, and where what it is made of is written: nothing is changed before `commit`. */
export class Site {
  private readonly added: NodeInit[] = []
  private readonly gives = new Map<string, string>()
  readonly graph: Graph

  constructor(
    model: Model,
    readonly node: Node,
    private readonly known: ReadonlyMap<string, Known>,
  ) {
    this.graph = model.graph
  }

  /** Name of an input; undefined where the node has none there. */
  input(slot: number): string | undefined {
    return this.node.inputs[slot] || undefined
  }

  /** Whether somebody reads an output of the node. */
  isRead(slot: number): boolean {
    const name = this.node.outputs[slot]
    return !!name && (this.graph.isOutput(name) || this.graph.consumers(name).length > 0)
  }

  /** Dims of a value of the graph as it was run. Throws RangeError for one that was not seen. */
  dims(value: string): readonly number[] {
    const dims = this.graph.initializers.get(value)?.dims ?? this.known.get(value)?.dims
    if (!dims) throw new RangeError(`value ${value} was not traced`)
    return dims
  }

  /** Length of the last axis, which counts features. */
  width(value: string): number {
    const dims = this.dims(value)
    return dims[dims.length - 1]!
  }

  isFloat32(value: string): boolean {
    return (this.graph.initializers.get(value)?.dtype ?? this.known.get(value)?.dtype) === 'float32'
  }

  op(opType: string, inputs: readonly (string | undefined)[], attributes: Attributes = {}): string {
    return this.ops(opType, inputs, 1, attributes)[0]!
  }

  ops(
    opType: string,
    inputs: readonly (string | undefined)[],
    count: number,
    attributes: Attributes = {},
  ): string[] {
    const base = `${this.node.outputs.find(Boolean)!}_${opType}`
    const outputs = Array.from({ length: count }, () => this.graph.freshName(base))
    this.added.push({
      opType,
      name: outputs[0],
      inputs: inputs.map((name) => name ?? ''),
      outputs,
      attributes,
    })
    return outputs
  }

  floats(...values: number[]): string {
    const tensor =
      values.length === 1 ? Tensor.scalar('float32', values[0]!) : Tensor.float32([values.length], values)
    return this.graph.addInitializer('unfused_constant', tensor)
  }

  ints(...values: number[]): string {
    return this.graph.addInitializer('unfused_constant', Tensor.int64(values))
  }

  int(value: number): string {
    return this.graph.addInitializer('unfused_constant', Tensor.int64([value], []))
  }

  add = (a: string, b: string): string => this.op('Add', [a, b])
  mul = (a: string, b: string): string => this.op('Mul', [a, b])
  reshape = (value: string, ...shape: number[]): string => this.op('Reshape', [value, this.ints(...shape)])
  transpose = (value: string, ...perm: number[]): string =>
    this.op('Transpose', [value], { perm: { ints: perm } })
  unsqueeze = (value: string, ...axes: number[]): string => this.op('Unsqueeze', [value, this.ints(...axes)])

  slice(value: string, axis: number, from: number, to: number, step = 1): string {
    return this.op('Slice', [value, this.ints(from), this.ints(to), this.ints(axis), this.ints(step)])
  }

  /** Length of an axis as a number without axes. */
  length(value: string, axis: number): string {
    return this.op('Gather', [this.op('Shape', [value]), this.int(axis)])
  }

  /** 0, 1, … up to a length. */
  count(length: string): string {
    return this.op('Range', [this.int(0), length, this.int(1)])
  }

  /** Makes `value` an output of the node. */
  give(slot: number, value: string): void {
    const name = this.node.outputs[slot]
    if (name) this.gives.set(name, value)
  }

  /** Puts what was written in the place of the node. */
  commit(): void {
    const { graph, node, added, gives } = this
    for (const [name, value] of gives)
      added.push({ opType: 'Identity', name: graph.freshName(name), inputs: [value], outputs: [name] })
    for (const one of added) graph.addNode(one, node)
    graph.removeNode(node)
  }
}
