/** What a gradient rule is, and the registry they all stand in. */
import { PareError } from '../../../contract/errors'
import type { Node } from '../../onnx'
import type { Tape } from './tape'

export type MaybeGradient = string | undefined

/**
 * Gradients of a node's inputs from those of its outputs, in their order; undefined where there is none or
 * `tape.wants` says nobody asks. Outputs no loss depends on come as undefined; at least one does not.
 * Throws `model/unsupported-op` for attributes it cannot handle.
 */
export type Rule = (tape: Tape, node: Node, dys: readonly MaybeGradient[]) => MaybeGradient[]

export type Rules = Readonly<Record<string, Rule>>

/** Key of an operator: `Relu`, `com.microsoft::Gelu`. */
export const operatorKey = (node: Node): string =>
  node.domain === '' ? node.opType : `${node.domain}::${node.opType}`

/** The gradient of a rule for operators with one output that always has one. */
export function single(rule: (tape: Tape, node: Node, dy: string) => MaybeGradient[]): Rule {
  return (tape, node, dys) => (dys[0] === undefined ? [] : rule(tape, node, dys[0]))
}

export function unsupported(node: Node, what: string): PareError {
  return new PareError('model/unsupported-op', {
    op: `${node.opType} (${what})`,
    domain: node.domain,
    node: node.label,
    by: 'training',
  })
}
