/** Softmax and its logarithm. Source: ONNX Softmax-1/-11 (flattening) and -13 (one axis). */
import type { Node } from '../../onnx'
import { single, type Rules } from './rule'
import { frontAxis, range, type Tape } from './tape'

/** Axes a Softmax runs over: before opset 13 all from `axis` on are taken together. */
function axesOf(tape: Tape, node: Node): number[] {
  const rank = tape.shape(node.outputs[0]!).length
  if (tape.opset >= 13) return [frontAxis(node.int('axis', -1), rank)]
  return range(rank).slice(frontAxis(node.int('axis', 1), rank))
}

export const softmax: Rules = {
  Softmax: single((t, node, dy) => {
    const y = node.outputs[0]!
    const weighted = t.mul(dy, y)
    return [t.sub(weighted, t.mul(y, t.reduceSum(weighted, axesOf(t, node), true)))]
  }),
  LogSoftmax: single((t, node, dy) => {
    const probability = t.op('Exp', [node.outputs[0]!])
    return [t.sub(dy, t.mul(probability, t.reduceSum(dy, axesOf(t, node), true)))]
  }),
}
