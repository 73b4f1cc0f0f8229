/**
 * Recurrent layers: W [directions, gates · hidden, inputs] reads the input, R [directions, gates · hidden, hidden]
 * the state. Sources: ONNX LSTM, GRU, RNN.
 */
import type { LayerKind, RowPart } from './kind'

/** Gates in the order of the rows. */
const GATES: Readonly<Record<string, readonly string[]>> = {
  LSTM: ['input', 'output', 'forget', 'cell'],
  GRU: ['update', 'reset', 'hidden'],
  RNN: ['hidden'],
}

const DIRECTIONS: Readonly<Record<string, readonly string[]>> = {
  forward: ['forward'],
  reverse: ['reverse'],
  bidirectional: ['forward', 'reverse'],
}

export const recurrent: LayerKind = {
  kind: 'recurrent',
  ops: Object.keys(GATES),
  weights: [1, 2],
  weightNames: { 2: 'recurrence' },
  input: 0,
  bias: 3,
  geometry(node, dims) {
    const directions = DIRECTIONS[node.string('direction', 'forward')]
    const gates = node.among(GATES)!
    const [count, height, cols] = dims as [number, number, number]
    if (dims.length !== 3 || directions?.length !== count || height % gates.length !== 0)
      return 'its weight is not one of gates for each direction'
    const hidden = height / gates.length
    const parts = directions.flatMap((direction, d) =>
      gates.map((gate, g): RowPart => {
        const from = d * height + g * hidden
        return { name: `${direction} ${gate}`, from, to: from + hidden }
      }),
    )
    return { rows: count * height, cols, turned: false, outAxis: 1, inAxis: 2, groups: 1, parts }
  },
}
