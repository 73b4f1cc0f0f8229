/**
 * Assignments to a slice, which exporters write as ScatterND with one constant index for each element, as Concat of what
 * stays and what is new: the same values, without the indices. Sources: ONNX ScatterND, Concat, Slice.
 */
import { sizeOf, Tensor, type Graph, type Node } from '../../onnx'
import { nodesBefore } from '../../layers/rewrite'

/** Edits the graph; `dimsOf` gives the dims that a value always has. Gives how many were rewritten. */
export function scatterToConcat(
  graph: Graph,
  dimsOf: (value: string) => readonly number[] | undefined,
): number {
  const producers = graph.producers()
  let done = 0
  for (const node of [...graph.nodes]) {
    if (!node.is('ScatterND') || node.string('reduction', 'none') !== 'none') continue
    const [data, indices, updates] = node.inputs as [string, string, string]
    const index = graph.constant(indices, producers)
    const dims = dimsOf(data)
    const place = index && dims && boxOf(index, dims)
    if (!place) continue
    rewrite(graph, node, { data, updates, dim: dims[place.axis]!, ...place })
    done++
  }
  return done
}

interface Box {
  /** The one axis that is not covered whole. */
  axis: number
  from: number
  to: number
}

/** Where indices [...sizes, sizes.length] count through a box in order that covers all axes but one. */
function boxOf(index: Tensor, dims: readonly number[]): Box | undefined {
  const depth = index.dims[index.dims.length - 1]!
  const sizes = index.dims.slice(0, -1)
  if (sizes.length !== depth || depth > dims.length || sizeOf(sizes) === 0) return undefined
  const values = index.numbers()
  const starts = values.slice(0, depth).map((start, axis) => (start < 0 ? start + dims[axis]! : start))
  const partial = sizes.flatMap((size, axis) => (size === dims[axis] ? [] : [axis]))
  if (partial.length > 1) return undefined
  const at = sizes.map(() => 0)
  for (let i = 0; i < values.length; i += depth) {
    for (let axis = 0; axis < depth; axis++) {
      const value = values[i + axis]!
      if ((value < 0 ? value + dims[axis]! : value) !== starts[axis]! + at[axis]!) return undefined
    }
    for (let axis = depth - 1; axis >= 0; axis--) {
      if (++at[axis]! < sizes[axis]!) break
      at[axis] = 0
    }
  }
  const axis = partial[0] ?? 0
  return { axis, from: starts[axis]!, to: starts[axis]! + sizes[axis]! }
}

function rewrite(
  graph: Graph,
  node: Node,
  { data, updates, dim, axis, from, to }: Box & { data: string; updates: string; dim: number },
): void {
  const output = node.outputs[0]!
  const { fresh, add } = nodesBefore(graph, node, output)
  const ints = (value: number): string => graph.addInitializer(`${output}_bound`, Tensor.int64([value]))
  const slice = (start: number, end: number, part: string): string[] =>
    start === end ? [] : [add('Slice', [data, ints(start), ints(end), ints(axis)], fresh(part))]
  const parts = [...slice(0, from, 'before'), updates, ...slice(to, dim, 'after')]
  if (parts.length === 1) add('Identity', parts, output)
  else add('Concat', parts, output, { axis: { int: axis } })
  graph.removeNode(node)
}
