/** Arithmetic with broadcasting. Source: ONNX operator documents; derivatives are textbook ones. */
import type { Node } from '../../onnx'
import { single, unsupported, type MaybeGradient, type Rule, type Rules } from './rule'
import type { Tape } from './tape'

const out = (node: Node): string => node.outputs[0]!

/** dy · slope of a function of one input. */
const unary = (slope: (tape: Tape, x: string, y: string) => string): Rule =>
  single((tape, node, dy) => [tape.mul(dy, slope(tape, node.inputs[0]!, out(node)))])

/** The same for slopes that are infinite or undefined somewhere. */
const steep = (slope: (tape: Tape, x: string, y: string) => string): Rule =>
  single((tape, node, dy) => [tape.chosen(dy, tape.mul(dy, slope(tape, node.inputs[0]!, out(node))))])

/**
 * Roots rise without end from zero. There the least slope that is one counts, as in the norm of a vector: silence in a
 * spectrum teaches nothing, rather than breaking the training.
 */
const fromZero = (tape: Tape, base: string, gradient: string): string =>
  tape.masked(tape.op('Greater', [base, tape.scalar(0)]), gradient)

/** Binary operators: each side's local gradient, summed back to its shape. */
function binary(
  left: (tape: Tape, dy: string, a: string, b: string, y: string) => string,
  right: (tape: Tape, dy: string, a: string, b: string, y: string) => string,
): Rule {
  return single((tape, node, dy) => {
    const [a, b] = node.inputs as [string, string]
    const y = out(node)
    const side = (value: string, rule: typeof left): MaybeGradient =>
      tape.wants(value)
        ? tape.unbroadcast(rule(tape, dy, a, b, y), tape.shape(y), tape.shape(value))
        : undefined
    return [side(a, left), side(b, right)]
  })
}

const passOn: Rule = single((_tape, _node, dy) => [dy])
const nothing: Rule = () => []

/** Sum and Mean of any number of inputs. */
const average = (divide: boolean): Rule =>
  single((tape, node, dy) => {
    const part = divide ? tape.scale(dy, 1 / node.inputs.length) : dy
    return node.inputs.map((value) =>
      tape.wants(value) ? tape.unbroadcast(part, tape.shape(out(node)), tape.shape(value)) : undefined,
    )
  })

/** Max and Min: to the first input that attains the result. */
const extreme: Rule = single((tape, node, dy) => {
  const y = out(node)
  let rest = dy
  return node.inputs.map((value) => {
    const attains = tape.op('Equal', [value, y])
    const mine = tape.masked(attains, rest)
    rest = tape.op('Where', [attains, tape.scalar(0), rest])
    return tape.wants(value) ? tape.unbroadcast(mine, tape.shape(y), tape.shape(value)) : undefined
  })
})

const power = binary(
  (tape, dy, a, b) => {
    const exponent = tape.constant(b)?.numbers()
    if (exponent?.length === 1 && exponent[0] === 2) return tape.mul(dy, tape.scale(a, 2))
    const e = tape.dtype(b) === 'float32' ? b : tape.op('Cast', [b], { to: { int: 1 } })
    const slope = tape.mul(e, tape.op('Pow', [a, tape.sub(e, tape.scalar(1))]))
    const gradient = tape.chosen(dy, tape.mul(dy, slope))
    const isRoot = exponent?.every((value) => value > 0 && value < 1)
    return isRoot ? fromZero(tape, a, gradient) : gradient
  },
  (tape, dy, a, _b, y) => fromZero(tape, a, tape.mul(dy, tape.mul(y, tape.op('Log', [a])))),
)

const where: Rule = single((tape, node, dy) => {
  const [condition, a, b] = node.inputs as [string, string, string]
  const zero = tape.scalar(0)
  const to = (value: string, mine: string): string =>
    tape.unbroadcast(mine, tape.shape(out(node)), tape.shape(value))
  return [
    undefined,
    tape.wants(a) ? to(a, tape.op('Where', [condition, dy, zero])) : undefined,
    tape.wants(b) ? to(b, tape.op('Where', [condition, zero, dy])) : undefined,
  ]
})

const dropout: Rule = (tape, node, dys) => {
  const training = tape.constant(node.inputs[2])
  if (training?.numbers()[0]) throw unsupported(node, 'in training mode; export the model for inference')
  return [dys[0]]
}

/** Pushed towards zero by a bias, and zero within the threshold. */
const shrink: Rule = single((tape, node, dy) => {
  const size = tape.op('Abs', [node.inputs[0]!])
  return [tape.masked(tape.op('Greater', [size, tape.scalar(node.float('lambd', 0.5))]), dy)]
})

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI)

export const elementwise: Rules = {
  Add: binary(
    (_t, dy) => dy,
    (_t, dy) => dy,
  ),
  Sub: binary(
    (_t, dy) => dy,
    (t, dy) => t.neg(dy),
  ),
  Mul: binary(
    (t, dy, _a, b) => t.mul(dy, b),
    (t, dy, a) => t.mul(dy, a),
  ),
  Div: binary(
    (t, dy, _a, b) => t.chosen(dy, t.div(dy, b)),
    (t, dy, _a, b, y) => t.chosen(dy, t.neg(t.div(t.mul(dy, y), b))),
  ),
  Pow: power,
  Sum: average(false),
  Mean: average(true),
  Max: extreme,
  Min: extreme,
  Where: where,
  Neg: single((t, _n, dy) => [t.neg(dy)]),
  Abs: unary((t, x) => t.op('Sign', [x])),
  Sqrt: single((t, n, dy) => [fromZero(t, out(n), t.div(t.scale(dy, 0.5), out(n)))]),
  Reciprocal: steep((t, _x, y) => t.neg(t.mul(y, y))),
  Exp: steep((_t, _x, y) => y),
  Log: single((t, n, dy) => [t.chosen(dy, t.div(dy, n.inputs[0]!))]),
  Sin: unary((t, x) => t.op('Cos', [x])),
  Cos: unary((t, x) => t.neg(t.op('Sin', [x]))),
  Atan: single((t, n, dy) => [t.div(dy, t.add(t.mul(n.inputs[0]!, n.inputs[0]!), t.scalar(1)))]),
  Erf: unary((t, x) => t.scale(t.op('Exp', [t.neg(t.mul(x, x))]), TWO_OVER_ROOT_PI)),
  Identity: passOn,
  Cast: passOn,
  CastLike: passOn,
  Shrink: shrink,
  Dropout: dropout,
  // Rounding by straight-through (arXiv:1308.3432): with Div, Clip and Mul around it this gives the learned
  // step size gradients of arXiv:1902.08153.
  Round: passOn,
  Floor: nothing,
  Ceil: nothing,
  Sign: nothing,
}
