import type { Graph } from '../onnx'

/** Operators without inputs whose outputs are nevertheless no constants. */
const DRAWN = new Set([
  'RandomNormal',
  'RandomUniform',
  'Multinomial',
  'Bernoulli',
  'RandomNormalLike',
  'RandomUniformLike',
])

/** Values of a graph that hang on constants alone, constants included; `outer` are those it sees from outside. */
export function constantValues(graph: Graph, outer: ReadonlySet<string> = new Set()): Set<string> {
  const constant = new Set<string>([
    ...outer,
    ...graph.initializers.keys(),
    ...graph.sparseInitializers.keys(),
  ])
  for (const { name } of graph.inputs) if (!graph.initializers.has(name)) constant.delete(name)
  for (const node of graph.nodes) {
    if (node.subgraphs().length > 0 || DRAWN.has(node.opType)) continue
    if (node.inputs.every((input) => input === '' || constant.has(input)))
      for (const output of node.outputs) if (output) constant.add(output)
  }
  return constant
}
