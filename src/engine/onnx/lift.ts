/** What a rule of lifting may do to the graph around its node. */
import { PareError } from '../../contract/errors'
import type { Graph } from './graph'
import type { Model } from './model'
import type { Node } from './node'
import { Tensor } from './tensor'

export class Lift {
  private edited: { before: Node[]; after: Node[] } = { before: [], after: [] }

  constructor(
    private readonly model: Model,
    readonly graph: Graph,
    readonly from: number,
    private readonly ranks: (value: string) => number | undefined,
  ) {}

  rankOf(value: string): number | undefined {
    return this.ranks(value)
  }

  /** The constant behind an input of the node, if it is one. */
  constant(value: string | undefined): Tensor | undefined {
    return value ? this.graph.constant(value) : undefined
  }

  isUsed(value: string | undefined): boolean {
    return !!value && (this.graph.isOutput(value) || this.graph.consumers(value).length > 0)
  }

  /** A constant under a fresh name; gives the name. */
  add(base: string, tensor: Tensor): string {
    const name = this.fresh(base)
    this.graph.initializers.set(name, tensor)
    return name
  }

  ints(base: string, values: readonly number[]): string {
    return this.add(base, Tensor.int64(values))
  }

  /** A name nothing in the whole model has. */
  fresh(base: string): string {
    return this.model.graph.freshName(base)
  }

  before(node: Node): void {
    this.edited.before.push(node)
  }

  after(node: Node): void {
    this.edited.after.push(node)
  }

  /** Throws `model/unsupported-op` for the node a rule cannot lift. */
  refuse(node: Node, why: string): never {
    throw new PareError('model/unsupported-op', {
      op: node.opType,
      domain: node.domain,
      node: node.label,
      by: `lifting operator set ${this.from}: ${why}`,
    })
  }

  take(): { before: Node[]; after: Node[] } {
    const taken = this.edited
    this.edited = { before: [], after: [] }
    return taken
  }
}
