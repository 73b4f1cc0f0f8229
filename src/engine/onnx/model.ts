/** An ONNX model in memory. Source: onnx.proto3, ModelProto. */
import { PareError } from '../../contract/errors'
import { Graph } from './graph'
import type { Tensor } from './tensor'

/** A model-local function, kept byte for byte and known by its name. */
export interface FunctionDef {
  domain: string
  name: string
  raw: Uint8Array
}

export class Model {
  irVersion = 10
  /** Domain → version; '' is the default ONNX domain. */
  readonly opsets = new Map<string, number>()
  producerName = 'pare'
  producerVersion = ''
  domain = ''
  modelVersion = 0
  docString = ''
  readonly metadata = new Map<string, string>()
  graph = new Graph()
  functions: FunctionDef[] = []
  unknown: readonly Uint8Array[] = []
  /** Where it was read from; a name for messages, never written to. */
  file = '(memory)'
  /** Absolute paths of the external data its tensors were read from. */
  externalFiles: readonly string[] = []

  get opset(): number {
    return this.opsets.get('') ?? 1
  }

  /** A copy whose edits do not reach this model; tensors are shared. */
  clone(): Model {
    const copy = new Model()
    Object.assign(copy, this, {
      opsets: new Map(this.opsets),
      metadata: new Map(this.metadata),
      graph: this.graph.clone(),
      functions: [...this.functions],
    })
    return copy
  }

  /** The main graph and every graph nested in it. */
  *graphs(): Iterable<Graph> {
    const queue = [this.graph]
    for (let graph = queue.pop(); graph; graph = queue.pop()) {
      yield graph
      for (const node of graph.nodes) for (const [, nested] of node.subgraphs()) queue.push(nested)
    }
  }

  /** Every constant once: initializers and the tensors of Constant nodes, of nested graphs too. */
  *constants(): Iterable<{ graph: Graph; name: string; tensor: Tensor }> {
    for (const graph of this.graphs()) {
      for (const [name, tensor] of graph.initializers) yield { graph, name, tensor }
      for (const node of graph.nodes) {
        const tensor = node.constant
        if (tensor) yield { graph, name: node.outputs[0]!, tensor }
      }
    }
  }

  /** Constant nodes become initializers, of nested graphs too; `which` narrows them. Gives how many. */
  constantsToInitializers(which: (tensor: Tensor) => boolean = () => true): number {
    let moved = 0
    for (const graph of this.graphs())
      for (const node of [...graph.nodes]) {
        const [name] = node.outputs
        const tensor = name && !graph.isOutput(name) ? node.constant : undefined
        if (!tensor || !which(tensor)) continue
        graph.initializers.set(name!, tensor)
        graph.removeNode(node)
        moved++
      }
    return moved
  }

  /** Declares an operator set a pass needs (com.microsoft, say). */
  importOpset(domain: string, version: number): void {
    if ((this.opsets.get(domain) ?? 0) < version) this.opsets.set(domain, version)
  }

  /** Throws `model/opset-too-old`; `raiseOpset` in opset.ts lifts a model where every operator allows it. */
  requireOpset(needed: number, op: string, by: string): void {
    if (this.opset < needed) throw new PareError('model/opset-too-old', { opset: this.opset, needed, op, by })
  }
}
