/** Takes channels out of a model: weights are cut, attributes and shape constants follow. */
import { isSubByte, Tensor, type Graph, type Model } from '../../onnx'
import type { DependencyGraph } from './graph'
import type { ShapeSource } from './collect'
import type { Separated } from '../../layers/normalize'
import { mergeCopies } from '../../layers/normalize/separate-vectors'
import { setConstant } from '../../layers/rewrite'
import type { RewriteContext } from './relations'
import { ruleOf } from './rules'

/** Indices that stay on an axis; undefined where all do. */
export type Kept = (value: string, axis: number) => Int32Array | undefined

/** What stays when the units for which `removed` is true go. Computed once per axis. */
export function keptAfter(dependencies: DependencyGraph, removed: ReadonlySet<number>): Kept {
  const cache = new Map<number, Int32Array | undefined>()
  return (value, axis) => {
    const key = dependencies.axisKey(value, axis)
    if (key === undefined) return undefined
    if (cache.has(key)) return cache.get(key)
    const units = dependencies.unitsOn(value, axis)
    const stays = units
      ? Int32Array.from([...units.keys()].filter((i) => !removed.has(units[i]!)))
      : undefined
    const kept = stays && stays.length < units!.length ? stays : undefined
    cache.set(key, kept)
    return kept
  }
}

/** Flat positions in a tensor of `dims` that stay, as a function of the flat position in the cut tensor. */
function picker(
  dims: readonly number[],
  kept: readonly (Int32Array | undefined)[],
): { dims: number[]; pick: (flat: number) => number } {
  const cut = dims.map((length, axis) => kept[axis]?.length ?? length)
  return {
    dims: cut,
    pick(flat) {
      let at = 0
      let stride = 1
      for (let axis = dims.length - 1; axis >= 0; axis--) {
        const index = flat % cut[axis]!
        flat = Math.floor(flat / cut[axis]!)
        at += (kept[axis]?.[index] ?? index) * stride
        stride *= dims[axis]!
      }
      return at
    },
  }
}

/** Copies elements as bytes, whatever their dtype. Runs of neighbours are copied at once. */
function pickElements(tensor: Tensor, dims: readonly number[], pick: (flat: number) => number): Tensor {
  if (isSubByte(tensor.dtype)) {
    const values = tensor.numbers()
    return Tensor.of(
      tensor.dtype,
      dims,
      Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => values[pick(i)]!),
    )
  }
  const width = tensor.bits / 8
  const bytes = tensor.bytes()
  const count = dims.reduce((n, d) => n * d, 1)
  const out = new Uint8Array(count * width)
  for (let i = 0; i < count;) {
    const start = pick(i)
    let run = 1
    while (i + run < count && pick(i + run) === start + run) run++
    out.set(bytes.subarray(start * width, (start + run) * width), i * width)
    i += run
  }
  return Tensor.fromBytes(tensor.dtype, dims, out)
}

/** A new model without the units; the prepared one is not touched. */
export function removeUnits(prepared: Separated, source: ShapeSource, kept: Kept): Model {
  const model = prepared.model.clone()
  const { graph } = model
  for (const [name, tensor] of [...graph.initializers]) {
    const axes = tensor.dims.map((_, axis) => kept(name, axis))
    if (axes.every((stays) => stays === undefined)) continue
    const { dims, pick } = picker(tensor.dims, axes)
    graph.initializers.set(name, pickElements(tensor, dims, pick))
  }
  const context = rewriting(prepared.model.graph, graph, model.opset, source, kept)
  // A copy of the list: rules put nodes in front of their own.
  for (const node of [...graph.nodes]) ruleOf(node)?.rewrite?.(node, context)
  for (const [name, info] of [...graph.valueInfo])
    if (source.shapes.get(name)?.dims.some((_, axis) => kept(name, axis)) || !info.dims)
      graph.valueInfo.delete(name)
  graph.inputs = graph.inputs.map((port) => {
    const { dims } = graph.initializers.get(port.name) ?? {}
    return dims && dims.join() !== port.dims?.join() ? { name: port.name, dtype: port.dtype, dims } : port
  })
  mergeCopies(graph, prepared.copies)
  graph.prune()
  return model
}

function rewriting(
  before: Graph,
  graph: Graph,
  opset: number,
  source: ShapeSource,
  kept: Kept,
): RewriteContext {
  const dims = (value: string): readonly number[] => source.shapes.get(value)?.dims ?? []
  return {
    graph,
    opset,
    before: dims,
    otherBefore: (value) => source.others?.get(value),
    kept,
    after: (value) => dims(value).map((length, axis) => kept(value, axis)?.length ?? length),
    // Constants are read as they were: those that name channels are indexed by them.
    constant(value) {
      const tensor = value ? before.initializers.get(value) : undefined
      return tensor && tensor.dtype !== 'string' ? tensor.numbers() : undefined
    },
    setInts: (node, slot, values, shape = [values.length]) =>
      setConstant(graph, node, slot, Tensor.int64(values, shape), `${node.outputs[0]!}_${slot}`),
    setTensor(node, slot, shape, pick) {
      const name = node.inputs[slot]!
      graph.initializers.set(name, pickElements(before.initializers.get(name)!, shape, pick))
    },
  }
}
