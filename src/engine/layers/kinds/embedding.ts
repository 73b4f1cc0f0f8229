/** Tables that rows are looked up in. Source: ONNX Gather. */
import type { LayerKind } from './kind'

/** Table [words, width]. */
export const embedding: LayerKind = {
  kind: 'embedding',
  ops: ['Gather'],
  weights: [0],
  input: 1,
  seldom: true,
  geometry(node, dims) {
    if (dims.length !== 2) return 'its table is not a matrix'
    if (node.int('axis', 0) !== 0) return 'it does not look up rows'
    const [rows, cols] = dims as [number, number]
    return { rows, cols, turned: false, outAxis: 0, inAxis: 1, groups: 1 }
  },
}
