/** The graph of a model and the edits passes make on it. Source: onnx.proto3, GraphProto. */
import type { DType } from './dtype'
import { Node, type NodeInit } from './node'
import type { Tensor } from './tensor'

/** A dimension: a number, the name of a dynamic one, or null where nothing is said. */
export type Dim = number | string | null

export interface ValueInfo {
  name: string
  /** Absent for sequences, maps and optionals, whose type is kept in `raw`. */
  dtype?: DType
  /** Absent where even the rank is unknown. */
  dims?: readonly Dim[]
  /** The TypeProto as it was read; written back as long as dtype and dims are untouched. Drop it when editing. */
  raw?: Uint8Array
  unknown?: readonly Uint8Array[]
}

export class Graph {
  name = 'graph'
  nodes: Node[] = []
  readonly initializers = new Map<string, Tensor>()
  /** Kept byte for byte: [name of the tensor, SparseTensorProto]. */
  readonly sparseInitializers = new Map<string, Uint8Array>()
  inputs: ValueInfo[] = []
  outputs: ValueInfo[] = []
  readonly valueInfo = new Map<string, ValueInfo>()
  unknown: readonly Uint8Array[] = []

  /** Inputs a caller must feed: graph inputs without an initializer as their default (IR < 4 lists those too). */
  get requiredInputs(): ValueInfo[] {
    return this.inputs.filter((input) => !this.initializers.has(input.name))
  }

  isOutput(value: string): boolean {
    return this.outputs.some((output) => output.name === value)
  }

  /** The node that makes `value`, if one in this graph does. Linear; use `producers()` for many look-ups. */
  producer(value: string): Node | undefined {
    return this.nodes.find((node) => node.outputs.includes(value))
  }

  producers(): Map<string, Node> {
    const map = new Map<string, Node>()
    for (const node of this.nodes) for (const output of node.outputs) if (output) map.set(output, node)
    return map
  }

  /** Nodes that read `value`, in order, each once; a node whose subgraph captures it counts as a reader. */
  consumers(value: string): Node[] {
    return this.nodes.filter((node) => readsOf(node).has(value))
  }

  /** Readers of every value: one walk for many look-ups. */
  consumerMap(): Map<string, Node[]> {
    const map = new Map<string, Node[]>()
    for (const node of this.nodes)
      for (const value of readsOf(node)) {
        const readers = map.get(value)
        if (readers) readers.push(node)
        else map.set(value, [node])
      }
    return map
  }

  /**
   * The constant behind a value: an initializer, what a Constant node holds, or either behind Identity.
   * Initializers that are also graph inputs may be overridden by the caller and are still given, as every
   * exporter before IR 4 lists its weights that way.
   */
  constant(value: string, producers?: Map<string, Node>): Tensor | undefined {
    // Damaged models hand values on in circles, and in chains longer than the stack.
    const seen = new Set<string>()
    for (let at = value; !seen.has(at);) {
      const initializer = this.initializers.get(at)
      if (initializer) return initializer
      const node = producers ? producers.get(at) : this.producer(at)
      if (!node?.is('Identity')) return node?.constant
      seen.add(at)
      at = node.inputs[0] ?? ''
    }
    return undefined
  }

  /** All names in use, of nested graphs too, so that a new one clashes with none. */
  names(): Set<string> {
    const names = new Set<string>()
    for (const node of this.nodes) for (const name of namesOf(node)) names.add(name)
    for (const name of this.initializers.keys()) names.add(name)
    for (const name of this.sparseInitializers.keys()) names.add(name)
    for (const info of [...this.inputs, ...this.outputs]) names.add(info.name)
    return names
  }

  private taken: Set<string> | undefined
  /** Nodes that `taken` has seen; more of them means that someone added nodes by hand. */
  private seen = 0
  private last: Node | undefined

  /**
   * `base`, or `base_1`, `base_2`, … : a name nothing else in this graph or in those nested in it has. For a
   * nested graph ask the outermost one, whose names it must not hide.
   */
  freshName(base: string): string {
    if (!this.taken || this.nodes.length > this.seen) this.taken = this.namesNow()
    this.saw()
    let name = base
    for (let i = 1; this.taken.has(name) || this.initializers.has(name); i++) name = `${base}_${i}`
    this.taken.add(name)
    return name
  }

  /**
   * Of nodes that were put behind those seen, only theirs are looked at: a graph that grows node by node is not read
   * whole each time.
   */
  private namesNow(): Set<string> {
    const { taken, nodes, seen, last } = this
    if (!taken || nodes[seen - 1] !== last) return this.names()
    for (const node of nodes.slice(seen)) for (const name of namesOf(node)) taken.add(name)
    for (const { name } of this.inputs) taken.add(name)
    return taken
  }

  private saw(): void {
    this.seen = this.nodes.length
    this.last = this.nodes.at(-1)
  }

  /** Adds a constant under a fresh name made from `base`; gives the name. */
  addInitializer(base: string, tensor: Tensor): string {
    const name = this.freshName(base)
    this.initializers.set(name, tensor)
    return name
  }

  /** Adds a node; before `anchor` where given, else at the end. Call `sort()` when order is not kept by hand. */
  addNode(init: NodeInit, anchor?: Node): Node {
    const node = new Node({ ...init, name: init.name ?? this.freshName(init.opType) })
    const at = anchor ? this.nodes.indexOf(anchor) : -1
    const known = this.nodes.length <= this.seen
    if (at < 0) this.nodes.push(node)
    else this.nodes.splice(at, 0, node)
    if (known) {
      this.saw()
      for (const output of node.outputs) this.taken?.add(output)
    }
    return node
  }

  removeNode(node: Node): void {
    this.nodes = this.nodes.filter((other) => other !== node)
  }

  /** Makes every reader of `from`, nested graphs included, read `to`. Graph outputs keep their names. */
  replaceUses(from: string, to: string, only?: (reader: Node) => boolean): void {
    for (const node of this.nodes) {
      if (only && !only(node)) continue
      node.inputs = node.inputs.map((value) => (value === from ? to : value))
      for (const [, graph] of node.subgraphs()) {
        const hidden = graph.inputs.some((i) => i.name === from) || graph.initializers.has(from)
        if (!hidden) graph.replaceCaptured(from, to)
      }
    }
  }

  private replaceCaptured(from: string, to: string): void {
    this.replaceUses(from, to)
    for (const output of this.outputs) {
      // A subgraph may hand an outer value straight out; it needs a node to rename it.
      if (output.name === from && !this.producer(from))
        this.nodes.push(new Node({ opType: 'Identity', inputs: [to], outputs: [from] }))
    }
  }

  /** Puts nodes in topological order, stable otherwise. Throws RangeError naming a node on a cycle. */
  sort(): void {
    const producers = this.producers()
    const sorted: Node[] = []
    const state = new Map<Node, 'open' | 'done'>()
    for (const root of this.nodes) {
      const stack: { node: Node; reads: Iterator<string> }[] = []
      const enter = (node: Node): void => {
        state.set(node, 'open')
        stack.push({ node, reads: readsOf(node)[Symbol.iterator]() })
      }
      if (!state.has(root)) enter(root)
      while (stack.length > 0) {
        const top = stack[stack.length - 1]!
        const next = top.reads.next()
        if (next.done) {
          state.set(top.node, 'done')
          sorted.push(top.node)
          stack.pop()
          continue
        }
        const before = producers.get(next.value)
        if (!before || state.get(before) === 'done') continue
        if (state.get(before) === 'open') throw new RangeError(`cycle through node ${before.label}`)
        enter(before)
      }
    }
    this.nodes = sorted
  }

  /** Drops nodes no output needs, then constants nobody reads. Gives what was dropped. */
  prune(): { nodes: number; initializers: number } {
    const producers = this.producers()
    const needed = new Set<Node>()
    const used = new Set<string>()
    const queue = this.outputs.map((output) => output.name)
    for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
      if (used.has(value)) continue
      used.add(value)
      const node = producers.get(value)
      if (!node || needed.has(node)) continue
      needed.add(node)
      for (const read of readsOf(node)) queue.push(read)
    }
    const before = { nodes: this.nodes.length, initializers: this.initializers.size }
    this.nodes = this.nodes.filter((node) => needed.has(node))
    for (const name of [...this.initializers.keys()]) {
      if (used.has(name)) continue
      this.initializers.delete(name)
      this.inputs = this.inputs.filter((input) => input.name !== name)
    }
    for (const name of [...this.sparseInitializers.keys()])
      if (!used.has(name)) this.sparseInitializers.delete(name)
    for (const name of [...this.valueInfo.keys()]) if (!used.has(name)) this.valueInfo.delete(name)
    return {
      nodes: before.nodes - this.nodes.length,
      initializers: before.initializers - this.initializers.size,
    }
  }

  /** A copy whose edits do not reach this graph; tensors are shared. */
  clone(): Graph {
    const copy = new Graph()
    copy.name = this.name
    copy.nodes = this.nodes.map((node) => node.clone())
    for (const [name, tensor] of this.initializers) copy.initializers.set(name, tensor)
    for (const [name, raw] of this.sparseInitializers) copy.sparseInitializers.set(name, raw)
    copy.inputs = this.inputs.map((info) => ({ ...info }))
    copy.outputs = this.outputs.map((info) => ({ ...info }))
    for (const [name, info] of this.valueInfo) copy.valueInfo.set(name, { ...info })
    copy.unknown = this.unknown
    return copy
  }
}

/** Values a node reads: its inputs and what its subgraphs capture from outside. */
export function readsOf(node: Node): Set<string> {
  const reads = new Set(node.inputs.filter((value) => value !== ''))
  for (const [, graph] of node.subgraphs()) for (const value of capturesOf(graph)) reads.add(value)
  return reads
}

function capturesOf(graph: Graph): Set<string> {
  const own = new Set<string>([...graph.inputs.map((i) => i.name), ...graph.initializers.keys()])
  for (const name of graph.sparseInitializers.keys()) own.add(name)
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output)
  const captured = new Set<string>()
  for (const node of graph.nodes) for (const value of readsOf(node)) if (!own.has(value)) captured.add(value)
  for (const output of graph.outputs) if (!own.has(output.name)) captured.add(output.name)
  return captured
}

function* namesOf(node: Node): Generator<string> {
  if (node.name) yield node.name
  for (const value of node.inputs) if (value) yield value
  for (const value of node.outputs) if (value) yield value
  for (const [, graph] of node.subgraphs()) yield* graph.names()
}
