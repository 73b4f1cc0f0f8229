/** What a Pad adds, axis by axis. Source: ONNX Pad, operator sets 2 to 25. */
import type { Node } from '../onnx'

export interface Padding {
  before: number[]
  after: number[]
}

/** `rank` is the padded value's; `read` gives whole numbers of a constant. Undefined where they are computed. */
export function paddingOf(
  node: Node,
  rank: number,
  opset: number,
  read: (value: string | undefined) => readonly number[] | undefined,
): Padding | undefined {
  const pads = opset < 11 ? node.ints('pads') : read(node.inputs[1])
  if (!pads) return undefined
  const axes = node.inputs[3] ? read(node.inputs[3]) : Array.from({ length: rank }, (_, i) => i)
  if (!axes) return undefined
  const before = new Array<number>(rank).fill(0)
  const after = new Array<number>(rank).fill(0)
  axes.forEach((axis, i) => {
    before[(axis + rank) % rank] = pads[i]!
    after[(axis + rank) % rank] = pads[i + axes.length]!
  })
  return { before, after }
}
