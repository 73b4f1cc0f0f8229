/**
 * Embeddings as integers: only the rows that are looked up are turned into floats, so the table stays small in
 * memory too. Plain operators, so every runtime reads them. Source: ONNX Gather, Cast, Mul.
 */
import { Tensor, type Graph } from '../../onnx'
import type { WeightedLayer } from './layers'

export interface RowStore {
  /** Constants of a table: codes int8 [rows, width] and scales float32 [rows]. */
  addRows(layer: string, name: string, tensor: Tensor): { codes: string; scales: string }
}

/** Replaces Gather(table, ids) by Cast(Gather(codes, ids)) · Unsqueeze(Gather(scales, ids), −1). */
export function integerRows(
  graph: Graph,
  { node, layer, weight, tensor }: WeightedLayer,
  store: RowStore,
): void {
  const { codes, scales } = store.addRows(layer, weight, tensor)
  const ids = node.inputs[1]!
  const name = (part: string): string => graph.freshName(`${layer}_${part}`)
  const add = (opType: string, inputs: string[], output: string, attributes = {}): string => {
    graph.addNode({ opType, name: name(opType.toLowerCase()), inputs, outputs: [output], attributes }, node)
    return output
  }
  const row = add('Gather', [codes, ids], name('codes'), { axis: { int: 0 } })
  const float = add('Cast', [row], name('floats'), { to: { int: 1 } })
  const scale = add('Gather', [scales, ids], name('row_scales'), { axis: { int: 0 } })
  const axes = graph.addInitializer(`${layer}_last_axis`, Tensor.int64([-1]))
  const column = add('Unsqueeze', [scale, axes], name('column'))
  graph.removeNode(node)
  graph.addNode({ opType: 'Mul', name: name('mul'), inputs: [float, column], outputs: [layer] })
}
