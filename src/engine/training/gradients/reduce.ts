/** Reductions. Source: ONNX Reduce*; axes are attributes before opset 13 or 18, inputs after. */
import { sizeOf, type Node } from '../../onnx'
import { single, unsupported, type Rule, type Rules } from './rule'
import { frontAxis, range, type Tape } from './tape'

interface Reduction {
  dims: readonly number[]
  kept: number[]
  count: number
}

function reductionOf(t: Tape, node: Node): Reduction {
  const dims = t.shape(node.inputs[0]!)
  const given = node.inputs[1] ? t.constant(node.inputs[1])?.numbers() : node.ints('axes')
  if (node.inputs[1] && !given) throw unsupported(node, 'computed axes')
  const all = given === undefined || given.length === 0
  const idle = all && node.int('noop_with_empty_axes', 0) !== 0
  const axes = all ? (idle ? [] : range(dims.length)) : given.map((a) => frontAxis(a, dims.length))
  const kept = dims.map((dim, i) => (axes.includes(i) ? 1 : dim))
  return { dims, kept, count: sizeOf(dims) / sizeOf(kept) }
}

/** A rule that sees `dy` and `y` with the reduced axes kept, so that they broadcast against `x`. */
const reduction = (
  rule: (t: Tape, dy: string, x: string, y: string, r: Reduction, node: Node) => string,
): Rule =>
  single((t, node, dy) => {
    const r = reductionOf(t, node)
    const y = node.outputs[0]!
    return [rule(t, t.reshape(dy, r.kept), node.inputs[0]!, t.reshape(y, r.kept), r, node)]
  })

const whereEqual = (t: Tape, a: string, b: string): string =>
  t.op('Cast', [t.op('Equal', [a, b])], { to: { int: 1 } })

const axesOf = (r: Reduction): number[] =>
  range(r.dims.length).filter((i) => r.kept[i] === 1 && r.dims[i] !== 1)

const extreme = reduction((t, dy, x, y, r) => {
  const hit = whereEqual(t, x, y)
  return t.mul(hit, t.div(dy, t.reduceSum(hit, axesOf(r), true)))
})

/** The slope at a factor is the product of the others: of a row with one zero only that one has a slope. */
const product = reduction((t, dy, x, _y, r, node) => {
  const none = t.scalar(0)
  const zero = whereEqual(t, x, none)
  const filled = t.add(x, zero)
  const all = t.op('ReduceProd', [filled, ...node.inputs.slice(1)], Object.fromEntries(node.attributes))
  const zerosLeft = t.sub(t.reduceSum(zero, axesOf(r), true), zero)
  const others = t.div(t.reshape(all, r.kept), filled)
  return t.mul(dy, t.mul(whereEqual(t, zerosLeft, none), others))
})

export const reductions: Rules = {
  ReduceSum: reduction((t, dy, _x, _y, r) => t.expand(dy, r.dims)),
  ReduceMean: reduction((t, dy, _x, _y, r) => t.expand(t.scale(dy, 1 / r.count), r.dims)),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: reduction((t, dy, x) => t.mul(dy, t.scale(x, 2))),
  ReduceL1: reduction((t, dy, x) => t.mul(dy, t.op('Sign', [x]))),
  // Of a vector of zeros the length is least: its slope there is zero.
  ReduceL2: reduction((t, dy, x, y) => t.mul(t.masked(t.op('Greater', [y, t.scalar(0)]), t.div(dy, y)), x)),
  ReduceLogSumExp: reduction((t, dy, x, y) => t.mul(dy, t.op('Exp', [t.sub(x, y)]))),
  ReduceProd: product,
  CumSum: single((t, node, dy) => [
    t.op('CumSum', [dy, node.inputs[1]!], {
      exclusive: { int: node.int('exclusive', 0) },
      reverse: { int: node.int('reverse', 0) ? 0 : 1 },
    }),
  ]),
}
