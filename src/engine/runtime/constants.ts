/** Values of constant parts of a graph, computed by ONNX Runtime. */
import { Model, type Graph, type Node } from '../onnx'
import { withSession } from './session'
import { fromTensor, type Value } from './value'

/**
 * The value of something that hangs on constants alone: a dequantized weight, a codebook looked up.
 * Throws RangeError when it hangs on an input of the model.
 */
export async function evaluateConstant(model: Model, value: string): Promise<Value> {
  const tensor = model.graph.constant(value)
  if (tensor) return fromTensor(tensor)
  const part = constantPart(model, value)
  return withSession(part, { optimization: 'disabled' }, async (session) => (await session.run({}))[value]!)
}

function constantPart(model: Model, value: string): Model {
  const part = new Model()
  part.irVersion = model.irVersion
  part.functions = model.functions
  for (const [domain, version] of model.opsets) part.opsets.set(domain, version)
  const producers = model.graph.producers()
  const nodes = new Set<Node>()
  collect(model.graph, producers, value, nodes, part.graph)
  part.graph.nodes = model.graph.nodes.filter((node) => nodes.has(node)).map((node) => node.clone())
  part.graph.outputs = [{ name: value }]
  return part
}

function collect(
  graph: Graph,
  producers: Map<string, Node>,
  value: string,
  nodes: Set<Node>,
  into: Graph,
): void {
  const tensor = graph.initializers.get(value)
  const sparse = graph.sparseInitializers.get(value)
  const node = producers.get(value)
  if (tensor) into.initializers.set(value, tensor)
  else if (sparse) into.sparseInitializers.set(value, sparse)
  else if (!node) throw new RangeError(`${value} is not constant`)
  else if (!nodes.has(node)) {
    nodes.add(node)
    for (const input of node.inputs) if (input !== '') collect(graph, producers, input, nodes, into)
  }
}
