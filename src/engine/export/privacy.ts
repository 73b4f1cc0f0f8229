/**
 * Notes that exporters leave in a model: doc strings and metadata of nodes, values and tensors. PyTorch's hold
 * stack traces with the author's paths. Source: onnx.proto3 (doc_string and metadata_props fields).
 */
import type { Graph, Model, Tensor } from '../onnx'
import { Tensor as TensorOf } from '../onnx'

/** Protobuf field numbers of doc_string and metadata_props by message. */
const NOTES = { node: [6, 9], graph: [10, 16], value: [3, 4], tensor: [12, 16] } as const

/** Text that names a place on somebody's machine. */
const PATH =
  /(?:^|[\s"'(=:,;])(?:\/(?:home|Users|root|tmp|work|mnt|opt|var|private|data|work|workspace|workspaces|srv|media|Volumes|builds|content|kaggle)\/|[A-Za-z]:[\\/]|\\\\[\w.-]+\\)/

export const namesPlace = (text: string): boolean => PATH.test(text)

const PLACE = /(?:[A-Za-z]:[\\/]|\\\\|\/)(?:[^\s"'<>|:;,()\\/]+[\\/])+([^\s"'<>|:;,()\\/]*)/g

/** A copy of plain data in which files are named without their folders. */
export function withoutPlaces<T>(value: T): T {
  if (typeof value === 'string')
    return (namesPlace(value) ? value.replace(PLACE, (_, name: string) => name || '…') : value) as T
  if (Array.isArray(value)) return value.map(withoutPlaces) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withoutPlaces(one as unknown)]),
  ) as T
}

/** Field number of an encoded protobuf field. */
function fieldOf(raw: Uint8Array): number {
  let tag = 0
  for (let i = 0, scale = 1; i < raw.length; i++, scale *= 128) {
    tag += (raw[i]! & 0x7f) * scale
    if (raw[i]! < 0x80) break
  }
  return Math.floor(tag / 8)
}

/** A copy of the model without such notes, or the same model when it has none. */
export function withoutNotes(model: Model): Model {
  const copy = model.clone()
  let removed = 0
  const kept = (fields: readonly Uint8Array[], notes: readonly number[]): readonly Uint8Array[] => {
    const rest = fields.filter((raw) => !notes.includes(fieldOf(raw)))
    removed += fields.length - rest.length
    return rest
  }
  const clean = (tensor: Tensor): Tensor => {
    const extra = kept(tensor.extra, NOTES.tensor)
    return extra.length === tensor.extra.length
      ? tensor
      : new TensorOf(tensor.dtype, tensor.dims, tensor.source, extra)
  }
  const cleanGraph = (graph: Graph): void => {
    graph.unknown = kept(graph.unknown, NOTES.graph)
    for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo.values()])
      if (info.unknown) info.unknown = kept(info.unknown, NOTES.value)
    for (const [name, tensor] of graph.initializers) graph.initializers.set(name, clean(tensor))
    for (const node of graph.nodes) {
      node.unknown = kept(node.unknown, NOTES.node)
      for (const [name, attribute] of node.attributes)
        if (attribute.type === 'tensor')
          node.attributes.set(name, { type: 'tensor', value: clean(attribute.value) })
    }
  }
  for (const graph of copy.graphs()) cleanGraph(graph)
  for (const [key, value] of copy.metadata)
    if (namesPlace(value)) {
      copy.metadata.delete(key)
      removed++
    }
  if (namesPlace(copy.docString)) {
    copy.docString = ''
    removed++
  }
  return removed > 0 ? copy : model
}
