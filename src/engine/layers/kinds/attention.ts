/**
 * Attention that projects its input to queries, keys and values itself, with one weight [inputs, Q + K + V]. ONNX's own
 * Attention has no weight. Source: com.microsoft Attention.
 */
import type { LayerKind, RowPart } from './kind'

export const attention: LayerKind = {
  kind: 'attention',
  ops: ['com.microsoft:Attention'],
  weights: [1],
  input: 0,
  bias: 2,
  geometry(node, dims) {
    if (dims.length !== 2) return 'its weight is not a matrix'
    const [cols, rows] = dims as [number, number]
    const sizes = node.ints('qkv_hidden_sizes') ?? [rows / 3, rows / 3, rows / 3]
    if (sizes.reduce((sum, size) => sum + size, 0) !== rows || !sizes.every(Number.isInteger))
      return 'its weight is not one of queries, keys and values'
    const parts: RowPart[] = []
    let from = 0
    for (const [i, name] of ['query', 'key', 'value'].entries()) {
      parts.push({ name, from, to: from + sizes[i]! })
      from += sizes[i]!
    }
    return { rows, cols, turned: true, outAxis: 1, inAxis: 0, groups: 1, parts }
  },
}
