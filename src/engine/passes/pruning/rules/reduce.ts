/** Reductions. Source: ONNX Reduce*, ArgMax. */
import type { Rule } from '../relations'

/** Sums to which a zero adds nothing. */
const SUMS = new Set(['ReduceSum', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare'])

export const reduce: Rule = {
  ops: [
    'ReduceSum',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceLogSum',
    'ReduceLogSumExp',
    'ArgMax',
    'ArgMin',
  ],
  relate(node, c) {
    const [x, axesInput] = node.inputs
    const y = node.outputs[0]
    const dims = c.dims(x)
    if (!x || !y || !dims) return
    const arg = node.opType.startsWith('Arg')
    const given = arg ? [node.int('axis', 0)] : (node.ints('axes') ?? c.constant(axesInput))
    if (!given && axesInput) return
    const axes = given ?? (node.int('noop_with_empty_axes', 0) ? [] : dims.map((_, i) => i))
    const reduced = new Set(axes.map((axis) => (axis + dims.length) % dims.length))
    const keep = node.int('keepdims', 1) === 1
    let at = 0
    for (let axis = 0; axis < dims.length; axis++) {
      if (!reduced.has(axis)) c.same([x, axis], [y, at])
      else if (SUMS.has(node.opType)) c.contract([x, axis])
      else c.freeze([x, axis], `${node.opType} runs over it`)
      if (keep || !reduced.has(axis)) at++
    }
  },
}
