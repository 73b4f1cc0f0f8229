/** Activations; rules use the output where they can, as the input may then be freed. Source: ONNX operators. */
import type { Node } from '../../onnx'
import { single, type Rule, type Rules } from './rule'
import { broadcastDims, type Tape } from './tape'

const unary = (slope: (tape: Tape, x: string, y: string, node: Node) => string): Rule =>
  single((tape, node, dy) => [tape.mul(dy, slope(tape, node.inputs[0]!, node.outputs[0]!, node))])

const greater = (t: Tape, a: string, b: number): string => t.op('Greater', [a, t.scalar(b)])
const asFloat = (t: Tape, condition: string): string => t.op('Cast', [condition], { to: { int: 1 } })

/**
 * 1 where `x` > 0, else 0, in one vectorized pass: a sigmoid of straight lines so steep that it is a step. Sign
 * and Where were measured at two to three times its cost.
 */
const step = (t: Tape, x: string): string =>
  t.op('HardSigmoid', [x], { alpha: { float: 1e38 }, beta: { float: 0 } })

/** 1 where `x` > 0, else `slope`. */
const kinked = (t: Tape, x: string, slope: number): string =>
  t.op('Where', [greater(t, x, 0), t.scalar(1), t.scalar(slope)])

const ROOT_HALF = Math.SQRT1_2
const INV_ROOT_TWO_PI = 1 / Math.sqrt(2 * Math.PI)
const TANH_SCALE = Math.sqrt(2 / Math.PI)

/** Φ(x) + x·φ(x). */
function geluSlope(t: Tape, x: string): string {
  const cdf = t.scale(t.add(t.op('Erf', [t.scale(x, ROOT_HALF)]), t.scalar(1)), 0.5)
  const density = t.scale(t.op('Exp', [t.scale(t.mul(x, x), -0.5)]), INV_ROOT_TWO_PI)
  return t.add(cdf, t.mul(x, density))
}

function geluTanhSlope(t: Tape, x: string): string {
  const square = t.mul(x, x)
  const inner = t.scale(t.mul(x, t.add(t.scale(square, 0.044715), t.scalar(1))), TANH_SCALE)
  const tanh = t.op('Tanh', [inner])
  const innerSlope = t.scale(t.add(t.scale(square, 3 * 0.044715), t.scalar(1)), TANH_SCALE)
  const rest = t.mul(t.mul(x, t.sub(t.scalar(1), t.mul(tanh, tanh))), innerSlope)
  return t.scale(t.add(t.add(tanh, t.scalar(1)), rest), 0.5)
}

/** s + β·x·s·(1 − s) for x·sigmoid(β·x). */
function swishSlope(t: Tape, x: string, beta: number): string {
  const s = t.op('Sigmoid', [t.scale(x, beta)])
  const bend = t.mul(t.scale(x, beta), t.sub(t.scalar(1), s))
  return t.mul(s, t.add(bend, t.scalar(1)))
}

const gelu = unary((t, x, _y, n) =>
  n.string('approximate', 'none') === 'tanh' ? geluTanhSlope(t, x) : geluSlope(t, x),
)

/** Clip: bounds are attributes before opset 11, inputs after. Zero at the bounds, as for ReLU6. */
const clip = single((t, node, dy) => {
  const [x, low, high] = node.inputs
  const y = node.outputs[0]!
  const min = low || (node.float('min') !== undefined ? t.scalar(node.float('min')!) : '')
  const max = high || (node.float('max') !== undefined ? t.scalar(node.float('max')!) : '')
  const above = min ? t.op('Greater', [y, min]) : ''
  const below = max ? t.op('Less', [y, max]) : ''
  const inside = above && below ? t.op('And', [above, below]) : above || below
  if (!inside) return [dy]
  const dx = t.mul(dy, asFloat(t, inside))
  // Learned bounds collect what was cut off at them.
  const bound = (value: string | undefined, hit: () => string): string | undefined =>
    t.wants(value) ? t.unbroadcast(t.masked(hit(), dy), t.shape(y), t.shape(value)) : undefined
  return [
    t.wants(x) ? dx : undefined,
    bound(low, () => t.op('Not', [above])),
    bound(high, () => t.op('Not', [below])),
  ]
})

const prelu = single((t, node, dy) => {
  const [x, slope] = node.inputs as [string, string]
  const positive = greater(t, x, 0)
  const shape = broadcastDims(t.shape(x), t.shape(slope))
  return [
    t.wants(x) ? t.op('Where', [positive, dy, t.mul(dy, slope)]) : undefined,
    t.wants(slope)
      ? t.unbroadcast(t.op('Where', [positive, t.scalar(0), t.mul(dy, x)]), shape, t.shape(slope))
      : undefined,
  ]
})

const SELU_ALPHA = 1.67326319217681884765625
const SELU_GAMMA = 1.05070102214813232421875

export const activation: Rules = {
  Relu: unary((t, _x, y) => step(t, y)),
  LeakyRelu: unary((t, x, _y, n) => kinked(t, x, n.float('alpha', 0.01))),
  PRelu: prelu,
  ThresholdedRelu: unary((t, x, _y, n) => asFloat(t, greater(t, x, n.float('alpha', 1)))),
  Sigmoid: unary((t, _x, y) => t.mul(y, t.sub(t.scalar(1), y))),
  Tanh: unary((t, _x, y) => t.sub(t.scalar(1), t.mul(y, y))),
  HardSigmoid: unary((t, _x, y, n) => {
    const inside = t.op('And', [greater(t, y, 0), t.op('Less', [y, t.scalar(1)])])
    return t.scale(asFloat(t, inside), n.float('alpha', 0.2))
  }),
  HardSwish: unary((t, x) => {
    const middle = t.add(t.scale(x, 1 / 3), t.scalar(0.5))
    const upper = t.op('Where', [greater(t, x, 3), t.scalar(1), middle])
    return t.masked(greater(t, x, -3), upper)
  }),
  Gelu: gelu,
  'com.microsoft::Gelu': unary((t, x) => geluSlope(t, x)),
  'com.microsoft::QuickGelu': unary((t, x, _y, n) => swishSlope(t, x, n.float('alpha', 1.702))),
  Swish: unary((t, x, _y, n) => swishSlope(t, x, n.float('alpha', 1))),
  Elu: unary((t, x, y, n) =>
    t.op('Where', [greater(t, x, 0), t.scalar(1), t.add(y, t.scalar(n.float('alpha', 1)))]),
  ),
  Selu: unary((t, x, y, n) => {
    const gamma = n.float('gamma', SELU_GAMMA)
    return t.op('Where', [
      greater(t, x, 0),
      t.scalar(gamma),
      t.add(y, t.scalar(gamma * n.float('alpha', SELU_ALPHA))),
    ])
  }),
  Celu: unary((t, x, y, n) =>
    t.op('Where', [greater(t, x, 0), t.scalar(1), t.add(t.scale(y, 1 / n.float('alpha', 1)), t.scalar(1))]),
  ),
  Softplus: unary((t, x) => t.op('Sigmoid', [x])),
  Softsign: unary((t, x) => {
    const one = t.add(t.op('Abs', [x]), t.scalar(1))
    return t.op('Reciprocal', [t.mul(one, one)])
  }),
  Mish: unary((t, x) => {
    const tanh = t.op('Tanh', [t.op('Softplus', [x])])
    const bend = t.mul(t.mul(x, t.op('Sigmoid', [x])), t.sub(t.scalar(1), t.mul(tanh, tanh)))
    return t.add(tanh, bend)
  }),
  Clip: clip,
}
