/** Asks the rules of all nodes and keeps what they say. */
import { readsOf, type Graph, type Model, type Node } from '../../onnx'
import { unfuseHint } from '../../layers/unfuse'
import type { TracedValue } from '../../runtime'
import { AxisSpace } from './axes'
import type { AxisRef, RuleContext } from './relations'
import { refine } from './refine'
import { ruleOf } from './rules'

export interface Factor {
  whole: number
  /** Row-major; factors of length one are left out. */
  parts: number[]
}

export interface Sink {
  node: number
  value: string
  axis: number
  /** Where what is summed can be seen, if that is another value. */
  measured?: AxisRef
}

export interface Collected {
  axes: AxisSpace
  maps: { a: number; b: number; pairs: (readonly [number, number])[] }[]
  factors: Factor[]
  balances: { axis: number; parts: number }[]
  frozenElements: { axis: number; index: number; reason: string }[]
  sinks: Sink[]
}

export interface ShapeSource {
  shapes: ReadonlyMap<string, TracedValue>
  /** The same at another batch and other lengths. */
  others?: ReadonlyMap<string, readonly number[]>
}

const CONSTANT_LIMIT = 65536

class Collector implements RuleContext {
  readonly collected: Collected = {
    axes: new AxisSpace(),
    maps: [],
    factors: [],
    balances: [],
    frozenElements: [],
    sinks: [],
  }
  readonly graph: Graph
  readonly opset: number
  private readonly readers: Map<string, Node[]>
  private mentioned = new Set<string>()
  private nodeIndex = 0

  constructor(
    model: Model,
    private readonly source: ShapeSource,
    readonly throughLayerNorm: boolean,
  ) {
    this.graph = model.graph
    this.opset = model.opset
    this.readers = model.graph.consumerMap()
  }

  dims(value: string | undefined): readonly number[] | undefined {
    return value ? this.source.shapes.get(value)?.dims : undefined
  }

  otherDims(value: string): readonly number[] | undefined {
    return this.source.others?.get(value)
  }

  constant(value: string | undefined): number[] | undefined {
    const tensor = value ? this.graph.initializers.get(value) : undefined
    return tensor && tensor.dtype !== 'string' && tensor.size <= CONSTANT_LIMIT ? tensor.numbers() : undefined
  }

  isInitializer(value: string | undefined): boolean {
    return value !== undefined && this.graph.initializers.has(value)
  }

  isReadOnce(value: string): boolean {
    return this.readers.get(value)?.length === 1
  }

  private id([value, axis]: AxisRef): number | undefined {
    const dims = this.dims(value)
    if (!dims) return undefined
    const at = axis < 0 ? axis + dims.length : axis
    const length = dims[at]
    if (length === undefined || length < 2) return undefined
    this.mentioned.add(`${at}:${value}`)
    return this.collected.axes.id(value, at, length)
  }

  same(a: AxisRef, b: AxisRef): void {
    const [ia, ib] = [this.id(a), this.id(b)]
    if (ia !== undefined && ib !== undefined) this.collected.axes.join(ia, ib)
    else
      for (const one of [ia, ib])
        if (one !== undefined) this.collected.axes.freeze(one, 'it meets an axis of length one')
  }

  map(a: AxisRef, b: AxisRef, pairs: Iterable<readonly [number, number]>): void {
    const [ia, ib] = [this.id(a), this.id(b)]
    const list = [...pairs]
    if (ia !== undefined && ib !== undefined) this.collected.maps.push({ a: ia, b: ib, pairs: list })
    else if (ia !== undefined)
      for (const [index] of list) this.freezeElement(ia, index, 'it is alone on its axis')
    else if (ib !== undefined)
      for (const [, index] of list) this.freezeElement(ib, index, 'it is alone on its axis')
  }

  private freezeElement(axis: number, index: number, reason: string): void {
    this.collected.frozenElements.push({ axis, index, reason })
  }

  reshape(from: readonly AxisRef[], to: readonly AxisRef[]): void {
    const { axes, factors } = this.collected
    const lengths = (refs: readonly AxisRef[]): number[] =>
      refs.map(([value, axis]) => this.dims(value)![axis]!)
    const atoms = refine(lengths(from), lengths(to))
    if (!atoms) return
    const virtual = atoms.lengths.map((length) => (length > 1 ? axes.virtual(length) : -1))
    const bind = (ref: AxisRef, parts: readonly number[]): void => {
      const whole = this.id(ref)
      const real = parts.map((part) => virtual[part]!).filter((id) => id >= 0)
      if (whole === undefined) return
      if (real.length === 1) axes.join(whole, real[0]!)
      else factors.push({ whole, parts: real })
    }
    from.forEach((ref, i) => bind(ref, atoms.from[i]!))
    to.forEach((ref, i) => bind(ref, atoms.to[i]!))
  }

  balance(axis: AxisRef, parts: number): void {
    const id = this.id(axis)
    if (id !== undefined) this.collected.balances.push({ axis: id, parts })
  }

  contract(axis: AxisRef, measured?: AxisRef): void {
    const id = this.id(axis)
    if (id === undefined) return
    const at = axis[1] < 0 ? axis[1] + this.dims(axis[0])!.length : axis[1]
    this.collected.sinks.push({ node: this.nodeIndex, value: axis[0], axis: at, measured })
  }

  batch(axis: AxisRef): void {
    const id = this.id(axis)
    if (id !== undefined) this.collected.axes.markBatch(id)
  }

  freeze(axis: AxisRef, reason: string, indices?: readonly number[]): void {
    const id = this.id(axis)
    if (id === undefined) return
    if (indices) for (const index of indices) this.freezeElement(id, index, reason)
    else this.collected.axes.freeze(id, reason)
  }

  handled(axis: AxisRef): void {
    this.id(axis)
  }

  /** Fixes every axis of the node that its rule did not name. */
  visit(node: Node, index: number): void {
    this.mentioned = new Set()
    this.nodeIndex = index
    const rule = ruleOf(node)
    rule?.relate(node, this)
    const reason = rule
      ? `${node.opType} fixes its length`
      : `${node.opType} is not an operator whose channels Pare follows${unfuseHint(node)}`
    // What subgraphs read from outside is read by this node.
    for (const value of [...readsOf(node), ...node.outputs]) this.freezeRest(value, reason)
  }

  freezeRest(value: string, reason: string): void {
    const dims = this.dims(value)
    if (!dims) return
    dims.forEach((length, axis) => {
      if (length === 0 || (length > 1 && !this.mentioned.has(`${axis}:${value}`)))
        this.collected.axes.freeze(this.collected.axes.id(value, axis, length), reason)
    })
  }

  freezeInterface(): void {
    this.mentioned = new Set()
    for (const info of this.graph.requiredInputs) this.freezeRest(info.name, 'an input of the model has them')
    for (const info of this.graph.outputs) this.freezeRest(info.name, 'an output of the model has them')
  }
}

export function collect(model: Model, source: ShapeSource, throughLayerNorm: boolean): Collected {
  const collector = new Collector(model, source, throughLayerNorm)
  collector.freezeInterface()
  model.graph.nodes.forEach((node, index) => collector.visit(node, index))
  return collector.collected
}
