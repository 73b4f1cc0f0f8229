/** Models without If: both branches are computed, and what they give is chosen between. Source: ONNX If, Where. */
import { Node, renameAll, type Graph, type Model } from '../../onnx'
import { Unsupported } from './unsupported'

/** [given, where the condition holds, where it does not]: names of values that must have one shape. */
type Choice = readonly [string, string, string]

/** Edits the model; branches within branches too. */
export function withoutBranches({ graph }: Model): Choice[] {
  const choices: Choice[] = []
  for (;;) {
    const node = graph.nodes.find((one) => one.is('If'))
    if (!node) return choices
    choices.push(...inlined(graph, node))
  }
}

function inlined(graph: Graph, node: Node): Choice[] {
  const [yes, no] = ['then_branch', 'else_branch'].map((which) => {
    const branch = node.subgraphs().find(([attribute]) => attribute === which)![1]
    const own = [
      ...branch.initializers.keys(),
      ...branch.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
    ]
    const names = new Map([...new Set(own)].filter(Boolean).map((value) => [value, graph.freshName(value)]))
    renameAll(branch, (value) => names.get(value) ?? value)
    for (const [value, tensor] of branch.initializers) graph.initializers.set(value, tensor)
    return branch
  }) as [Graph, Graph]
  const choices = node.outputs.flatMap((output, i): Choice[] =>
    output ? [[output, yes.outputs[i]!.name, no.outputs[i]!.name]] : [],
  )
  const wheres = choices.map(
    ([output, then, otherwise]) =>
      new Node({
        opType: 'Where',
        name: graph.freshName(`${node.label} ${output}`),
        inputs: [node.inputs[0]!, then, otherwise],
        outputs: [output],
      }),
  )
  graph.nodes.splice(graph.nodes.indexOf(node), 1, ...yes.nodes, ...no.nodes, ...wheres)
  return choices
}

/** Throws Unsupported where a choice is between values of other shapes: Where would stretch one. */
export function requireOneShape(
  choices: readonly Choice[],
  dimsOf: (name: string) => readonly number[] | undefined,
): void {
  for (const names of choices)
    if (new Set(names.map((name) => dimsOf(name)?.join())).size > 1)
      throw new Unsupported(`the branches of the If that gives “${names[0]}” give other shapes.`)
}
