/** Values of constant parts of a graph, computed by ONNX Runtime. */
import { Model, type Graph, type Node } from '../onnx'
import { openSession, withSession } from './session'
import { floatsOf, fromTensor, int64, type Value } from './value'

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

/** A value that looks rows of constants up, by the ids 0 … count − 1. */
export interface RowsLookedUp {
  value: string
  ids: string
  count: number
}

/** Rows looked up at once: it bounds memory. */
const ROWS = 1024

/** Every row of a lookup in order, some at a time, as floats. Throws RangeError where it hangs on more than its ids. */
export async function* evaluateRows(model: Model, rows: RowsLookedUp): AsyncGenerator<Value> {
  const part = constantPart(model, rows.value, rows.ids)
  part.graph.inputs = [{ name: rows.ids, dtype: 'int64', dims: [null] }]
  const session = await openSession(part, { optimization: 'disabled' })
  try {
    for (let from = 0; from < rows.count; from += ROWS) {
      const length = Math.min(ROWS, rows.count - from)
      const ids = BigInt64Array.from({ length }, (_, i) => BigInt(from + i))
      const value = (await session.run({ [rows.ids]: int64([length], ids) }))[rows.value]!
      yield { dtype: 'float32', dims: value.dims, data: floatsOf(value) }
    }
  } finally {
    await session.release()
  }
}

function constantPart(model: Model, value: string, given = ''): Model {
  const part = new Model()
  part.irVersion = model.irVersion
  part.functions = model.functions
  for (const [domain, version] of model.opsets) part.opsets.set(domain, version)
  const producers = model.graph.producers()
  const nodes = new Set<Node>()
  collect(model.graph, producers, value, nodes, part.graph, given)
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
  given: string,
): void {
  if (value === given) return
  const tensor = graph.initializers.get(value)
  const sparse = graph.sparseInitializers.get(value)
  const node = producers.get(value)
  if (tensor) into.initializers.set(value, tensor)
  else if (sparse) into.sparseInitializers.set(value, sparse)
  else if (!node) throw new RangeError(`${value} is not constant`)
  else if (!nodes.has(node)) {
    nodes.add(node)
    for (const input of node.inputs) if (input !== '') collect(graph, producers, input, nodes, into, given)
  }
}
