/**
 * A graph in float16 with float32 at its borders. Every float32 value has one home precision: float16 where a
 * converted node makes it, float32 elsewhere; Casts stand where a reader wants the other one.
 */
import { codeOf, Tensor, type DType, type Graph, type Model, type Node } from '../../onnx'
import { asHalf } from '../../layers/encodings/float16-stored'

const HALF = codeOf('float16')
const FLOATS = new Set([codeOf('float32'), HALF])

export interface Converted {
  model: Model
  /** Constants stored as float16, by the name they had. */
  halved: string[]
  casts: number
}

/**
 * Converts a clone of `model`. `types` are the dtypes of computed values, `kept` the nodes (of `model`) that
 * stay in float32; both must cover the main graph. Inputs and outputs of the model keep their types.
 */
export function toHalf(model: Model, types: ReadonlyMap<string, DType>, kept: ReadonlySet<Node>): Converted {
  const clone = model.clone()
  const stays = new Set(clone.graph.nodes.filter((_, i) => kept.has(model.graph.nodes[i]!)))
  const conversion = new Conversion(clone.graph, types, stays)
  conversion.run()
  clone.graph.sort()
  return { model: clone, halved: [...conversion.halved], casts: conversion.casts }
}

class Conversion {
  readonly halved = new Set<string>()
  casts = 0
  private readonly single = new Set<string>()
  private readonly madeInHalf = new Set<string>()
  private readonly other = new Map<string, string>()
  private readonly readers: Map<string, Node[]>

  constructor(
    private readonly graph: Graph,
    private readonly types: ReadonlyMap<string, DType>,
    private readonly stays: ReadonlySet<Node>,
  ) {
    for (const [name, dtype] of types) if (dtype === 'float32') this.single.add(name)
    for (const [name, tensor] of graph.initializers) if (tensor.dtype === 'float32') this.single.add(name)
    for (const { name, dtype } of graph.inputs) if (dtype === 'float32') this.single.add(name)
    this.readers = graph.consumerMap()
  }

  run(): void {
    const { graph } = this
    const nodes = [...graph.nodes]
    const outputs = graph.outputs.map(({ name }) => name)
    for (const node of nodes)
      if (!this.stays.has(node))
        for (const output of node.outputs) if (this.single.has(output)) this.madeInHalf.add(output)
    for (const node of nodes) {
      if (this.stays.has(node)) this.feedSingles(node)
      else this.convert(node)
    }
    for (const output of outputs) if (this.madeInHalf.has(output)) this.giveBack(output)
    for (const name of this.madeInHalf) graph.valueInfo.delete(name)
  }

  private convert(node: Node): void {
    const halfRead = this.isHalf(node.inputs[0] ?? '')
    node.inputs = node.inputs.map((value) => (this.single.has(value) ? this.half(value) : value))
    if (node.is('Cast') && FLOATS.has(node.int('to', 0))) {
      node.set('to', { int: HALF })
      // ONNX Runtime takes Casts of half to half for its own and removes what they are for.
      if (halfRead) Object.assign(node, { opType: 'Identity' }).attributes.clear()
    }
    const value = node.is('ConstantOfShape') ? node.tensor('value') : undefined
    if (node.is('ConstantOfShape') && (!value || value.dtype === 'float32'))
      node.set('value', {
        type: 'tensor',
        value: Tensor.of('float16', [1], value ? [...value.numbers()] : [0]),
      })
  }

  /** True for what a converted node reads as float16. */
  private isHalf(value: string): boolean {
    const { initializers, inputs } = this.graph
    const stated = inputs.find(({ name }) => name === value)?.dtype
    const dtype = initializers.get(value)?.dtype ?? this.types.get(value) ?? stated
    return this.single.has(value) || dtype === 'float16'
  }

  /** The float16 version of a float32 value. */
  private half(value: string): string {
    if (this.madeInHalf.has(value)) return value
    const known = this.other.get(value)
    if (known) return known
    const name = this.halfConstant(value) ?? this.cast(value, `${value}_f16`, 'float16')
    this.other.set(value, name)
    return name
  }

  /** A float16 constant: in place of the old one where nobody else reads that. */
  private halfConstant(value: string): string | undefined {
    const { graph } = this
    const tensor = graph.initializers.get(value)
    const half = tensor && asHalf(tensor)
    if (!(half instanceof Tensor) || graph.inputs.some(({ name }) => name === value)) return undefined
    this.halved.add(value)
    const shared = graph.isOutput(value) || this.readers.get(value)!.some((reader) => this.stays.has(reader))
    if (shared) return graph.addInitializer(`${value}_f16`, half)
    graph.initializers.set(value, half)
    return value
  }

  /** A node in float32 reads float32: its own inputs and what its inner graphs capture. */
  private feedSingles(node: Node): void {
    for (const [value, readers] of this.readers) {
      if (!this.madeInHalf.has(value) || !readers.includes(node)) continue
      const key = `${value} single`
      const name = this.other.get(key) ?? this.cast(value, `${value}_f32`, 'float32')
      this.other.set(key, name)
      this.graph.replaceUses(value, name, (reader) => reader === node)
    }
  }

  /** An output of the model is float32 under its old name; the float16 value gets another. */
  private giveBack(output: string): void {
    const { graph } = this
    const half = graph.freshName(`${output}_f16`)
    const producer = graph.producer(output)!
    producer.outputs = producer.outputs.map((value) => (value === output ? half : value))
    graph.replaceUses(output, half)
    this.cast(half, output, 'float32', true)
  }

  private cast(from: string, to: string, dtype: DType, exact = false): string {
    const name = exact ? to : this.graph.freshName(to)
    this.casts++
    this.graph.addNode({
      opType: 'Cast',
      name: this.graph.freshName(`Cast_${name}`),
      inputs: [from],
      outputs: [name],
      attributes: { to: { int: codeOf(dtype) } },
    })
    return name
  }
}
