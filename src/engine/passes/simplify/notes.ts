/**
 * What exporters write beside the graph: stack traces, source paths, doc strings. It is a privacy leak and up
 * to 8% of a small model. Source: onnx.proto3, the doc_string and metadata_props fields.
 */
import { Tensor, type Model, type ValueInfo } from '../../onnx'

/** Field numbers of doc_string and metadata_props in each message. */
const NODE = [6, 9]
const GRAPH = [10, 16]
const TENSOR = [12, 16]
const VALUE = [3, 4]

/** Paths and stack traces; other metadata (class names, licences) belongs to the user and stays. */
const PRIVATE = /File ".+", line \d+|site-packages|\/home\/|\/Users\/|\/root\/|[A-Za-z]:\\Users\\/

/** Removes them in place; gives the bytes removed. */
export function stripNotes(model: Model): number {
  let bytes = 0
  const without = (fields: readonly Uint8Array[], dropped: readonly number[]): Uint8Array[] =>
    fields.filter((field) => {
      const drop = dropped.includes(fieldNumber(field))
      if (drop) bytes += field.length
      return !drop
    })
  const bare = (info: ValueInfo): void => {
    info.unknown = without(info.unknown ?? [], VALUE)
  }
  for (const graph of model.graphs()) {
    graph.unknown = without(graph.unknown, GRAPH)
    for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo.values()]) bare(info)
    for (const node of graph.nodes) node.unknown = without(node.unknown, NODE)
    for (const [name, { dtype, dims, source, extra }] of graph.initializers)
      if (extra.length > 0)
        graph.initializers.set(name, new Tensor(dtype, dims, source, without(extra, TENSOR)))
  }
  for (const [key, value] of [...model.metadata])
    if (PRIVATE.test(value)) {
      bytes += key.length + value.length
      model.metadata.delete(key)
    }
  if (PRIVATE.test(model.docString)) {
    bytes += model.docString.length
    model.docString = ''
  }
  return bytes
}

/** The field number in the tag a raw field starts with. */
function fieldNumber(field: Uint8Array): number {
  let tag = 0
  for (let i = 0, scale = 1; i < field.length; i++, scale *= 128) {
    tag += (field[i]! & 0x7f) * scale
    if (field[i]! < 0x80) break
  }
  return Math.floor(tag / 8)
}
