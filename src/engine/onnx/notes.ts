/**
 * What exporters write beside the graph: stack traces, source paths, doc strings. It is a privacy leak and up
 * to 8% of a small model. Source: onnx.proto3, the doc_string and metadata_props fields.
 */
import type { Graph, ValueInfo } from './graph'
import type { Model } from './model'
import { Tensor } from './tensor'

/** Protobuf field numbers of doc_string and metadata_props by message. */
const NOTES = { node: [6, 9], graph: [10, 16], value: [3, 4], tensor: [12, 16] } as const

/** Text that names a place on somebody's machine. */
const PLACE =
  /(?:^|[\s"'(=:,;])(?:\/(?:home|Users|root|tmp|mnt|opt|var|private|data|work|workspace|workspaces|srv|media|Volumes|builds|content|kaggle)\/|[A-Za-z]:[\\/]|\\\\[\w.-]+\\)/

export const namesPlace = (text: string): boolean => PLACE.test(text)

/** Places and stack traces; other metadata (class names, licences) belongs to the user and stays. */
const isPrivate = (text: string): boolean =>
  namesPlace(text) || /File ".+", line \d+|site-packages/.test(text)

/** Field number of an encoded protobuf field. */
function fieldOf(raw: Uint8Array): number {
  let tag = 0
  for (let i = 0, scale = 1; i < raw.length; i++, scale *= 128) {
    tag += (raw[i]! & 0x7f) * scale
    if (raw[i]! < 0x80) break
  }
  return Math.floor(tag / 8)
}

/** Removes them in place; gives the bytes removed. */
export function stripNotes(model: Model): number {
  let bytes = 0
  const without = (fields: readonly Uint8Array[], notes: readonly number[]): Uint8Array[] =>
    fields.filter((raw) => {
      const drop = notes.includes(fieldOf(raw))
      if (drop) bytes += raw.length
      return !drop
    })
  const bare = (tensor: Tensor): Tensor =>
    tensor.extra.length === 0
      ? tensor
      : new Tensor(tensor.dtype, tensor.dims, tensor.source, without(tensor.extra, NOTES.tensor))
  const bareValue = (info: ValueInfo): void => {
    if (info.unknown) info.unknown = without(info.unknown, NOTES.value)
  }
  const bareGraph = (graph: Graph): void => {
    graph.unknown = without(graph.unknown, NOTES.graph)
    for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo.values()]) bareValue(info)
    for (const [name, tensor] of graph.initializers) graph.initializers.set(name, bare(tensor))
    for (const node of graph.nodes) {
      node.unknown = without(node.unknown, NOTES.node)
      for (const [name, attribute] of node.attributes)
        if (attribute.type === 'tensor')
          node.attributes.set(name, { type: 'tensor', value: bare(attribute.value) })
    }
  }
  for (const graph of model.graphs()) bareGraph(graph)
  for (const [key, value] of [...model.metadata])
    if (isPrivate(value)) {
      bytes += key.length + value.length
      model.metadata.delete(key)
    }
  if (isPrivate(model.docString)) {
    bytes += model.docString.length
    model.docString = ''
  }
  return bytes
}
