/** How large the numbers fed to an integer input may be, by the tables they index. */
import { type Graph, type Node } from '../onnx'

/** Operators that hand indices on with their values unchanged. */
const HANDS_ON = new Set([
  'Cast',
  'Concat',
  'Expand',
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
  'Where',
  'Clip',
  'Min',
  'Max',
  'Mul',
])

const EMBEDDING_TABLES: Readonly<Record<string, readonly (readonly [input: number, table: number])[]>> = {
  EmbedLayerNormalization: [
    [0, 2],
    [1, 4],
  ],
  SkipLayerNormalization: [],
}

/** Rows of the table a value is looked up in at `axis`, seen through what keeps its shape. */
function lengthOf(
  graph: Graph,
  producers: Map<string, Node>,
  table: string,
  axis: number,
): number | undefined {
  const seen = new Set<string>()
  for (let at = table; !seen.has(at);) {
    const tensor = graph.constant(at, producers)
    if (tensor) return tensor.dims[axis < 0 ? axis + tensor.dims.length : axis]
    const node = producers.get(at)
    if (!node || !['Cast', 'DequantizeLinear', 'Identity'].includes(node.opType)) return undefined
    seen.add(at)
    at = node.inputs[0] ?? ''
  }
  return undefined
}

function boundAt(graph: Graph, producers: Map<string, Node>, node: Node, value: string): number | undefined {
  if (['Gather', 'GatherElements', 'GatherBlockQuantized'].includes(node.opType) && node.inputs[1] === value)
    return lengthOf(
      graph,
      producers,
      node.inputs[0]!,
      node.int(node.opType === 'GatherBlockQuantized' ? 'gather_axis' : 'axis', 0),
    )
  if (node.is('OneHot') && node.inputs[0] === value)
    return graph.constant(node.inputs[1]!, producers)?.numbers()[0]
  for (const [input, table] of node.among(EMBEDDING_TABLES) ?? [])
    if (node.inputs[input] === value) return lengthOf(graph, producers, node.inputs[table]!, 0)
  return undefined
}

/**
 * The smallest number of rows among the tables that `input` indexes, directly or through reshapes and the
 * like: valid indices are 0 … bound − 1. Undefined where it indexes no table of known size.
 */
export function indexBound(graph: Graph, input: string): number | undefined {
  const producers = graph.producers()
  const readers = graph.consumerMap()
  const seen = new Set<string>()
  const queue = [input]
  let bound: number | undefined
  for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
    if (seen.has(value)) continue
    seen.add(value)
    for (const node of readers.get(value) ?? []) {
      const here = boundAt(graph, producers, node, value)
      if (here !== undefined) bound = Math.min(bound ?? Infinity, here)
      else if (HANDS_ON.has(node.opType)) for (const output of node.outputs) queue.push(output)
    }
  }
  return bound
}
