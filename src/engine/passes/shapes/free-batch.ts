/**
 * A fixed batch made free: sizes of the batch that a graph has written into constants are left to be computed.
 * Whether that is enough is for the caller to prove by running.
 */
import { readsOf, Tensor, type Dim, type Graph, type Model, type Node, type ValueInfo } from '../../onnx'
import type { Signature, TracedValue } from '../../runtime'

/** What free axes of samples are called. */
const BATCH = 'batch'

/** `traced` are the shapes at the fixed batch. */
export function withFreeBatch(
  original: Model,
  { inputs, outputs, batch }: Signature,
  traced: ReadonlyMap<string, TracedValue>,
): Model {
  const model = original.clone()
  const { graph } = model
  const axes = new Map([...inputs, ...outputs].map(({ name, batchAxis }) => [name, batchAxis]))
  const freed = (info: ValueInfo): ValueInfo => {
    const axis = axes.get(info.name) ?? null
    if (axis === null) return info
    const dims = info.dims?.map((dim, at): Dim => (at === axis ? BATCH : dim))
    return { ...info, dims, raw: undefined }
  }
  graph.inputs = graph.inputs.map(freed)
  graph.outputs = graph.outputs.map(freed)
  graph.valueInfo.clear()
  const axis = inputs.find(({ batchAxis }) => batchAxis !== null)?.batchAxis ?? 0
  const first = inputs.find(({ batchAxis }) => batchAxis !== null)!.name
  const moving = computedFrom(graph)
  for (const node of [...graph.nodes]) {
    if (node.is('Reshape')) freeReshape(graph, node, { axis, batch: batch!, traced })
    else if (node.is('Expand', 'Resize')) freeSizes(graph, node, { axis, batch: batch!, traced })
    else if (node.is('Concat')) freeParts(graph, node, moving, { axis, batch: batch!, traced })
    else if (node.is('LSTM', 'GRU', 'RNN')) freeStates(graph, node, { first, axis })
  }
  graph.sort()
  graph.prune()
  return model
}

interface Place {
  axis: number
  batch: number
  traced: ReadonlyMap<string, TracedValue>
}

/** Source: ONNX Reshape: 0 copies a size of the input, -1 takes what is left. */
function freeReshape(graph: Graph, node: Node, { axis, batch, traced }: Place): void {
  const shape = graph.constant(node.inputs[1] ?? '')?.numbers()
  const [from, to] = [traced.get(node.inputs[0]!)?.dims, traced.get(node.outputs[0]!)?.dims]
  if (!shape || !from || !to || to.length <= axis || to[axis]! % batch !== 0 || shape[axis]! <= 0) return
  const copies = from[axis] === batch && to[axis] === batch && node.int('allowzero', 0) === 0
  const rest = shape.findIndex((size) => size === -1)
  const sizes = [...shape]
  if (copies && rest >= 0) sizes[axis] = 0
  else {
    // One size alone may be left open, so the other one gets the number that it has.
    if (rest >= 0) sizes[rest] = to[rest]!
    sizes[axis] = -1
  }
  node.inputs[1] = graph.addInitializer(`${node.outputs[0]}_shape`, Tensor.int64(sizes))
}

/** Target sizes of Resize and Expand: that of the batch is read off the input. Source: ONNX Resize, Expand. */
function freeSizes(graph: Graph, node: Node, { axis, batch, traced }: Place): void {
  const at = node.is('Resize') ? 3 : 1
  const sizes = graph.constant(node.inputs[at] ?? '')?.numbers()
  const from = traced.get(node.inputs[0]!)?.dims
  if (!sizes || node.attributes.has('axes') || from?.[axis] !== batch || sizes[axis] !== batch) return
  if (from.length !== sizes.length) return
  const [name] = node.outputs as [string]
  const rows = rowsOf(graph, node.inputs[0]!, axis, name)
  const parts = [sizes.slice(0, axis), sizes.slice(axis + 1)].map((part) =>
    part.length > 0 ? [graph.addInitializer(`${name}_sizes`, Tensor.int64(part))] : [],
  )
  const whole = graph.freshName(`${name}_sizes`)
  graph.addNode({
    opType: 'Concat',
    inputs: [...parts[0]!, rows, ...parts[1]!],
    outputs: [whole],
    attributes: { axis: { int: 0 } },
  })
  node.inputs[at] = whole
}

/** How many samples a value holds, as a tensor of one number. */
function rowsOf(graph: Graph, value: string, axis: number, base: string): string {
  const [shape, rows] = [graph.freshName(`${base}_dims`), graph.freshName(`${base}_rows`)]
  graph.addNode({ opType: 'Shape', inputs: [value], outputs: [shape] })
  const index = graph.addInitializer(`${base}_axis`, Tensor.int64([axis]))
  graph.addNode({ opType: 'Gather', inputs: [shape, index], outputs: [rows] })
  return rows
}

/**
 * First states that are constants: zeros are what recurrent layers begin with anyway, others are repeated for each
 * sample of the input `first`. Source: ONNX LSTM, whose states are [directions, batch, hidden].
 */
function freeStates(graph: Graph, node: Node, { first, axis }: { first: string; axis: number }): void {
  for (const at of [5, 6]) {
    const value = node.inputs[at] ?? ''
    const state = graph.constant(value)
    if (!state || state.dims[1] !== 1) continue
    if (state.numbers().every((number) => number === 0)) {
      node.inputs[at] = ''
      continue
    }
    const base = `${node.outputs.find((output) => output !== '')}_state`
    node.inputs[at] = repeated(graph, value, { rank: 3, at: 1, rows: rowsOf(graph, first, axis, base) })
  }
}

/** Constants laid beside values of the batch are repeated for each sample. */
function freeParts(
  graph: Graph,
  node: Node,
  moving: ReadonlySet<string>,
  { axis, batch, traced }: Place,
): void {
  const like = node.inputs.find((value) => moving.has(value))
  const rank = traced.get(like ?? '')?.dims.length ?? 0
  const along = node.int('axis', 0)
  if (!like || batch !== 1 || rank <= axis || (along < 0 ? along + rank : along) === axis) return
  if (traced.get(like)!.dims[axis] !== batch) return
  node.inputs = node.inputs.map((value) => {
    if (moving.has(value) || traced.get(value)?.dims.length !== rank) return value
    return repeated(graph, value, { rank, at: axis, rows: rowsOf(graph, like, axis, value) })
  })
}

/** A value of one sample, as often as `rows` says. */
function repeated(
  graph: Graph,
  value: string,
  { rank, at, rows }: { rank: number; at: number; rows: string },
): string {
  const ones = (count: number): string[] =>
    count > 0 ? [graph.addInitializer(`${value}_ones`, Tensor.int64(new Array<number>(count).fill(1)))] : []
  const [sizes, result] = [graph.freshName(`${value}_sizes`), graph.freshName(`${value}_rows`)]
  graph.addNode({
    opType: 'Concat',
    inputs: [...ones(at), rows, ...ones(rank - at - 1)],
    outputs: [sizes],
    attributes: { axis: { int: 0 } },
  })
  graph.addNode({ opType: 'Expand', inputs: [value, sizes], outputs: [result] })
  return result
}

/** Values that hang on the inputs. */
function computedFrom(graph: Graph): Set<string> {
  const moving = new Set(graph.requiredInputs.map(({ name }) => name))
  for (const node of graph.nodes)
    if ([...readsOf(node)].some((value) => moving.has(value)))
      for (const output of node.outputs) moving.add(output)
  return moving
}
