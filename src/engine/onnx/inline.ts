/**
 * Model-local functions written out where they are called, so that whoever looks at a graph sees its weights.
 * Source: onnx.proto3, FunctionProto; ONNX IR.md, Functions.
 */
import { PareError } from '../../contract/errors'
import { requireMemory } from './budget'
import { parseFunctionBody, type FunctionBody } from './function-body'
import type { Graph } from './graph'
import { Model } from './model'
import { Node } from './node'
import { NEWEST_OPSET, raiseOpset } from './opset'

/** What a node takes in memory. A file of a few hundred bytes can call for billions of them. */
const NODE_BYTES = 1024
const MOST_BYTES = 2 ** 17 * NODE_BYTES
const DEEPEST = 64

/**
 * A clone without local functions. Throws `model/not-onnx` for functions that call themselves, `limit/memory` where
 * there would be too many nodes, `model/unsupported-op` where a function of another operator set cannot be lifted.
 */
export function inlineFunctions(model: Model): Model {
  const bodies = new Map(
    model.functions.map((definition): [string, FunctionBody] => {
      const body = parseFunctionBody(definition, model.file)
      return [keyOf(body.domain, body.name, body.overload), body]
    }),
  )
  const clone = model.clone()
  clone.functions = []
  const newest = Math.max(...[...bodies.values()].map(({ opsets }) => opsets.get('') ?? 0))
  const lifted = raiseOpset(clone, Math.min(newest, NEWEST_OPSET))
  const inliner = new Inliner(lifted, bodies)
  for (const graph of lifted.graphs()) graph.nodes = graph.nodes.flatMap((node) => inliner.expand(node, 0))
  const used = new Set([...lifted.graphs()].flatMap(({ nodes }) => nodes.map(({ domain }) => domain)))
  for (const { domain } of bodies.values()) if (!used.has(domain) && domain) lifted.opsets.delete(domain)
  return lifted
}

const keyOf = (domain: string, name: string, overload: string): string => [domain, name, overload].join('\0')

class Inliner {
  private made = 0

  constructor(
    private readonly model: Model,
    private readonly bodies: ReadonlyMap<string, FunctionBody>,
  ) {}

  /** The nodes that stand for one node. */
  expand(node: Node, depth: number): Node[] {
    const body = this.bodies.get(keyOf(node.domain, node.opType, node.overload))
    if (!body) {
      if (depth > 0)
        for (const [, graph] of node.subgraphs())
          graph.nodes = graph.nodes.flatMap((inner) => this.expand(inner, depth))
      return [node]
    }
    if (depth > DEEPEST)
      throw new PareError('model/not-onnx', {
        file: this.model.file,
        reason: `its function ${body.name} calls itself`,
      })
    this.made += body.nodes.length
    requireMemory(
      this.made * NODE_BYTES,
      `writing out the model's functions makes ${this.made} nodes`,
      MOST_BYTES,
    )
    return this.written(node, body).flatMap((inner) => this.expand(inner, depth + 1))
  }

  private written(call: Node, body: FunctionBody): Node[] {
    const nodes = body.nodes.map((node) => node.clone())
    for (const node of nodes) bind(node, call, body)
    const lifted = this.lift(nodes, body)
    const names = new Map<string, string>()
    body.inputs.forEach((name, i) => names.set(name, call.inputs[i] ?? ''))
    body.outputs.forEach((name, i) => {
      if (call.outputs[i] && !names.has(name)) names.set(name, call.outputs[i]!)
    })
    const prefix = call.name || call.outputs.find(Boolean) || body.name
    const fresh = (name: string): string => this.model.graph.freshName(`${prefix}_${name}`)
    const graph = this.model.graph
    for (const [name, tensor] of lifted.initializers) {
      names.set(name, fresh(name))
      graph.initializers.set(names.get(name)!, tensor)
    }
    for (const node of lifted.nodes) rename(node, names, fresh)
    const forwarded = body.outputs.flatMap((name, i) => {
      const [from, to] = [names.get(name), call.outputs[i]]
      return to && from !== undefined && from !== to ? [[from, to] as const] : []
    })
    return [
      ...lifted.nodes,
      ...forwarded.map(
        ([from, to]) =>
          new Node({ opType: 'Identity', name: fresh('Identity'), inputs: [from], outputs: [to] }),
      ),
    ]
  }

  /** The body in the operator set of the model. */
  private lift(nodes: Node[], { opsets }: FunctionBody): Graph {
    const part = new Model()
    part.file = this.model.file
    part.graph.nodes = nodes
    for (const [domain, version] of opsets) {
      part.opsets.set(domain, version)
      if (domain !== '') this.model.importOpset(domain, version)
    }
    if (!part.opsets.has('')) part.opsets.set('', this.model.opset)
    return raiseOpset(part, this.model.opset).graph
  }
}

/** Attributes that refer to the function's own take what the call says, else the default, else none. */
function bind(node: Node, call: Node, body: FunctionBody): void {
  for (const [name, value] of [...node.attributes]) {
    const reference = value.type === 'opaque' ? value.reference : undefined
    if (reference === undefined) continue
    const bound = call.attributes.get(reference) ?? body.defaults.get(reference)
    if (bound) node.attributes.set(name, bound)
    else node.attributes.delete(name)
  }
  for (const [, graph] of node.subgraphs()) for (const inner of graph.nodes) bind(inner, call, body)
}

/** Gives a node and the graphs within it the names of where it now stands. */
function rename(node: Node, names: Map<string, string>, fresh: (name: string) => string): void {
  const named = (value: string): string => {
    if (value === '') return ''
    if (!names.has(value)) names.set(value, fresh(value))
    return names.get(value)!
  }
  node.inputs = node.inputs.map(named)
  for (const [, graph] of node.subgraphs()) renameGraph(graph, names, fresh)
  node.outputs = node.outputs.map(named)
  if (node.name) node.name = fresh(node.name)
}

function renameGraph(graph: Graph, outer: Map<string, string>, fresh: (name: string) => string): void {
  const names = new Map(outer)
  const own = [
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs.filter(Boolean)),
  ]
  for (const name of own) names.set(name, fresh(name))
  for (const port of [...graph.inputs, ...graph.outputs]) port.name = names.get(port.name) ?? port.name
  const tensors = [...graph.initializers]
  graph.initializers.clear()
  for (const [name, tensor] of tensors) graph.initializers.set(names.get(name)!, tensor)
  graph.valueInfo.clear()
  for (const node of graph.nodes) rename(node, names, fresh)
}
