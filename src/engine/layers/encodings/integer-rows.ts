/**
 * Embeddings as integers: only the rows that are looked up are turned into floats, so the table stays small in
 * memory too. Plain operators, so every runtime reads them. Source: ONNX Gather, Cast, Mul.
 */
import { nodesBefore } from '../rewrite'
import { Tensor, type Graph } from '../../onnx'
import type { Layer } from '../layer'
import { defineEncoding } from './encoding'
import { recognizeRows } from './recognized'

interface RowStore {
  /** Constants of a table: codes int8 [rows, width] and scales float32 [rows]. */
  addChannels(layer: Layer, perChannel: true): { codes: string; scales: string }
}

/** Replaces Gather(table, ids) by Cast(Gather(codes, ids)) · Unsqueeze(Gather(scales, ids), −1). */
export function writeIntegerRows(graph: Graph, layer: Layer, store: RowStore): void {
  const { node, name, input } = layer
  const { codes, scales } = store.addChannels(layer, true)
  const { fresh, add } = nodesBefore(graph, node, name)
  const row = add('Gather', [codes, input], fresh('codes'), { axis: { int: 0 } })
  const float = add('Cast', [row], fresh('floats'), { to: { int: 1 } })
  const scale = add('Gather', [scales, input], fresh('row_scales'), { axis: { int: 0 } })
  const axes = graph.addInitializer(`${name}_last_axis`, Tensor.int64([-1]))
  const column = add('Unsqueeze', [scale, axes], fresh('column'))
  add('Mul', [float, column], name)
  graph.removeNode(node)
}

export const integerRows = defineEncoding({
  id: 'integer-rows',
  title: 'Rows of int8',
  summary:
    'Embeddings as int8 codes and a scale a row: plain operators multiply out the rows that are looked up.',
  sources: ['ONNX Gather, Cast, Mul'],
  recognize: (view, node) =>
    recognizeRows(view, node, { toScale: ['Cast', 'Unsqueeze', 'Mul'], toValues: [] }),
})
