/** Operators of one element at a time. Source: ONNX Operators.md. */
import type { DType } from '../../../onnx'
import type { Lower, Site } from '../lowering'
import type { ElementOperator } from '../map'
import type { Buffer } from '../program'
import { UNLIMITED } from '../sharing'
import { cType, isFloating, isSigned, literal, mathFunction } from '../types'

type Expression = (operands: readonly string[], dtype: DType, site: Site) => string

/** Operands of one element are written as numbers. */
interface Operands {
  loads: Buffer[]
  operands: ElementOperator['operands']
}

/** `literals[i]` is the text of an operand that is no load. */
function operandsOf(buffers: readonly Buffer[]): Operands & { literals: (string | undefined)[] } {
  const loads: Buffer[] = []
  const operands: ({ load: number } | { result: number })[] = []
  const literals = buffers.map((buffer) => {
    const values = buffer.place === 'constant' && !buffer.of ? buffer.data!() : undefined
    const isNumber = values?.length === 1 && buffers.length > 1
    const at = isNumber ? -1 : loads.includes(buffer) ? loads.indexOf(buffer) : loads.push(buffer) - 1
    operands.push({ load: at })
    return isNumber ? literal(buffer.dtype, values![0]!) : undefined
  })
  return { loads, operands, literals }
}

/** Maps the inputs to the first output by one expression. */
export function mapBy(
  site: Site,
  buffers: readonly Buffer[],
  expression: (names: string[]) => string,
  helpers?: readonly string[],
): void {
  const { loads, operands, literals } = operandsOf(buffers)
  // All of them numbers: one is read all the same, for there must be something to walk along.
  const out = site.output()
  site.map(loads, [
    {
      dtype: out.dtype,
      operands: operands.map((operand) => ('load' in operand && operand.load < 0 ? { load: 0 } : operand)),
      expression: (names) => expression(names.map((name, i) => literals[i] ?? name)),
      ...(helpers && { helpers }),
    },
  ])
}

const given = (site: Site): Buffer[] => site.inputs.filter((input) => input !== undefined)

const cast = (dtype: DType, value: string): string => `(${cType(dtype)!})(${value})`

const number = (site: Site, name: string, fallback: number): string =>
  literal('float32', site.node.float(name, fallback))

/** Integers are computed in float where the operator has no other meaning for them. */
const floatOnly =
  (expression: Expression): Lower =>
  (site) => {
    const [x] = given(site)
    if (!isFloating(x!.dtype)) site.fail(`is only known for float32, not for ${x!.dtype}.`)
    mapBy(site, [x!], (names) => expression(names, x!.dtype, site))
  }

const call = (name: string): Lower => floatOnly(([x], dtype) => `${mathFunction(dtype, name)}(${x})`)

const anyType =
  (expression: Expression): Lower =>
  (site) => {
    const [x] = given(site)
    mapBy(site, [x!], (names) => expression(names, x!.dtype, site))
  }

const zero = (dtype: DType): string => literal(dtype, 0)
const one = (dtype: DType): string => literal(dtype, 1)

const sigmoid = (x: string): string => `1.0f / (1.0f + expf(-${x}))`

const ERF_HALF = '0.707106781f'

/** Behind a layer whose outputs have limits yet to be set, it is those. */
const narrowing =
  (lower: Lower): Lower =>
  (site) => {
    const maker = site.sole(0)
    if (maker?.floats !== UNLIMITED) return lower(site)
    Object.assign(maker, {
      title: `${maker.title}, ${site.node.label} (${site.node.opType})`,
      writes: [site.output()],
      floats: [
        ['lo', 0],
        ['hi', Infinity],
      ],
    })
  }

export const UNARY: Record<string, Lower> = {
  Abs: anyType(([x], dtype) =>
    isFloating(dtype)
      ? `${mathFunction(dtype, 'fabs')}(${x})`
      : isSigned(dtype)
        ? cast(dtype, `${x} < 0 ? -${x} : ${x}`)
        : x!,
  ),
  Neg: anyType(([x], dtype) => cast(dtype, `-${x}`)),
  Sign: anyType(([x], dtype) => cast(dtype, isSigned(dtype) ? `(${x} > 0) - (${x} < 0)` : `${x} > 0`)),
  Relu: narrowing(anyType(([x], dtype) => `${x} < ${zero(dtype)} ? ${zero(dtype)} : ${x}`)),
  Not: anyType(([x]) => `!${x}`),
  BitwiseNot: anyType(([x], dtype) => cast(dtype, `~${x}`)),
  Reciprocal: floatOnly(([x], dtype) => `${one(dtype)} / ${x}`),
  Sigmoid: floatOnly(([x]) => sigmoid(x!)),
  Softplus: floatOnly(([x]) => `${x} > 0.0f ? ${x} + log1pf(expf(-${x})) : log1pf(expf(${x}))`),
  Softsign: floatOnly(([x], dtype) => `${x} / (${one(dtype)} + ${mathFunction(dtype, 'fabs')}(${x}))`),
  HardSigmoid: floatOnly(([x], _, site) => {
    const value = `${number(site, 'alpha', 0.2)} * ${x} + ${number(site, 'beta', 0.5)}`
    return `fminf(1.0f, fmaxf(0.0f, ${value}))`
  }),
  HardSwish: floatOnly(([x]) => `${x} * fminf(1.0f, fmaxf(0.0f, ${x} / 6.0f + 0.5f))`),
  Swish: floatOnly(([x], _, site) => `${x} / (1.0f + expf(-${number(site, 'alpha', 1)} * ${x}))`),
  Mish: floatOnly(([x]) => `${x} * tanhf(${x} > 20.0f ? ${x} : log1pf(expf(${x})))`),
  Elu: floatOnly(([x], _, site) => `${x} < 0.0f ? ${number(site, 'alpha', 1)} * (expf(${x}) - 1.0f) : ${x}`),
  Celu: floatOnly(([x], _, site) => {
    const alpha = number(site, 'alpha', 1)
    return `fmaxf(0.0f, ${x}) + fminf(0.0f, ${alpha} * (expf(${x} / ${alpha}) - 1.0f))`
  }),
  Selu: floatOnly(([x], _, site) => {
    const [alpha, gamma] = [number(site, 'alpha', 1.6732632), number(site, 'gamma', 1.050701)]
    return `${gamma} * (${x} > 0.0f ? ${x} : ${alpha} * (expf(${x}) - 1.0f))`
  }),
  LeakyRelu: floatOnly(([x], _, site) => `${x} < 0.0f ? ${number(site, 'alpha', 0.01)} * ${x} : ${x}`),
  ThresholdedRelu: floatOnly(([x], _, site) => `${x} > ${number(site, 'alpha', 1)} ? ${x} : 0.0f`),
  Shrink: anyType(([x], dtype, site) => {
    const [lambda, bias] = [number(site, 'lambd', 0.5), number(site, 'bias', 0)]
    return cast(
      dtype,
      `(float)${x} < -${lambda} ? (float)${x} + ${bias} : (float)${x} > ${lambda} ? (float)${x} - ${bias} : 0.0f`,
    )
  }),
  Gelu: floatOnly(([x], _, site) =>
    site.node.string('approximate', 'none') === 'tanh'
      ? `0.5f * ${x} * (1.0f + tanhf(0.797884561f * (${x} + 0.044715f * ${x} * ${x} * ${x})))`
      : `0.5f * ${x} * (1.0f + erff(${x} * ${ERF_HALF}))`,
  ),
  IsNaN: floatOnly(([x]) => `${x} != ${x}`),
  IsInf: floatOnly(([x], dtype, site) => {
    const test = [
      ...(site.node.int('detect_positive', 1)
        ? [`${x} > ${dtype === 'float64' ? 'DBL_MAX' : '3.40282347e38f'}`]
        : []),
      ...(site.node.int('detect_negative', 1)
        ? [`${x} < ${dtype === 'float64' ? '-DBL_MAX' : '-3.40282347e38f'}`]
        : []),
    ]
    return test.length > 0 ? `(uint8_t)(${test.join(' || ')})` : `(uint8_t)(0.0f * ${x} > 1.0f)`
  }),
  Round: call('rint'),
  ...Object.fromEntries(
    [
      'Exp',
      'Log',
      'Sqrt',
      'Ceil',
      'Floor',
      'Tanh',
      'Sin',
      'Cos',
      'Tan',
      'Asin',
      'Acos',
      'Atan',
      'Sinh',
      'Cosh',
      'Asinh',
      'Acosh',
      'Atanh',
      'Erf',
    ].map((name) => [name, call(name.toLowerCase())]),
  ),
}

type Binary = (a: string, b: string, dtype: DType, site: Site) => string

const binary =
  (expression: Binary): Lower =>
  (site) => {
    const [a, b] = [site.input(0), site.input(1)]
    mapBy(site, [a, b], ([x, y]) => expression(x!, y!, a.dtype, site))
  }

const arithmetic = (sign: string): Lower =>
  binary((a, b, dtype) => (isFloating(dtype) ? `${a} ${sign} ${b}` : cast(dtype, `${a} ${sign} ${b}`)))

const compare = (sign: string): Lower => binary((a, b) => `(uint8_t)(${a} ${sign} ${b})`)
const bits = (sign: string): Lower => binary((a, b, dtype) => cast(dtype, `${a} ${sign} ${b}`))

/** One after another; a NaN stays one where it is a float. */
const variadic =
  (
    fold: (a: string, b: string, dtype: DType) => string,
    end?: (sum: string, count: number) => string,
  ): Lower =>
  (site) => {
    const buffers = given(site)
    const out = site.output()
    const { loads } = operandsOf(buffers)
    const place = buffers.map((buffer) => loads.indexOf(buffer))
    if (buffers.length === 1) return mapBy(site, buffers, ([x]) => x!)
    const { literals } = operandsOf(buffers)
    const operators = buffers.slice(1).map((_, i): ElementOperator => ({
      dtype: out.dtype,
      operands: [
        i === 0 ? { load: Math.max(0, place[0]!) } : { result: i - 1 },
        { load: Math.max(0, place[i + 1]!) },
      ],
      expression: ([a, b]) => {
        const value = fold(i === 0 ? (literals[0] ?? a!) : a!, literals[i + 1] ?? b!, out.dtype)
        return end && i === buffers.length - 2 ? end(value, buffers.length) : value
      },
    }))
    site.map(loads, operators)
  }

const larger = (a: string, b: string, dtype: DType): string =>
  isFloating(dtype) ? `${a} > ${b} || ${a} != ${a} ? ${a} : ${b}` : `${a} > ${b} ? ${a} : ${b}`
const smaller = (a: string, b: string, dtype: DType): string =>
  isFloating(dtype) ? `${a} < ${b} || ${a} != ${a} ? ${a} : ${b}` : `${a} < ${b} ? ${a} : ${b}`

/** Limits as inputs, or as attributes before operator set 11; an absent one is none. */
const clip: Lower = (site) => {
  const x = site.input(0)
  const { node } = site
  const attribute = (name: string): string | undefined =>
    node.attributes.has(name) ? literal('float32', node.float(name)!) : undefined
  const buffers = [x, site.inputs[1], site.inputs[2]]
  const given = buffers.filter((buffer) => buffer !== undefined)
  mapBy(site, given, (names) => {
    const name = (slot: number): string | undefined =>
      buffers[slot] ? names[given.indexOf(buffers[slot])] : undefined
    const [low, high] = [name(1) ?? attribute('min'), name(2) ?? attribute('max')]
    const raised = low === undefined ? names[0]! : `(${names[0]} < ${low} ? ${low} : ${names[0]})`
    return high === undefined ? raised : `${raised} > ${high} ? ${high} : ${raised}`
  })
}

export const BINARY: Record<string, Lower> = {
  Clip: clip,
  Add: arithmetic('+'),
  Sub: arithmetic('-'),
  Mul: arithmetic('*'),
  Div: arithmetic('/'),
  Equal: compare('=='),
  Less: compare('<'),
  LessOrEqual: compare('<='),
  Greater: compare('>'),
  GreaterOrEqual: compare('>='),
  And: compare('&&'),
  Or: compare('||'),
  Xor: compare('!='),
  BitwiseAnd: bits('&'),
  BitwiseOr: bits('|'),
  BitwiseXor: bits('^'),
  BitShift: binary((a, b, dtype, site) =>
    cast(dtype, `${a} ${site.node.string('direction') === 'LEFT' ? '<<' : '>>'} ${b}`),
  ),
  PRelu: binary((x, slope, dtype) =>
    isFloating(dtype)
      ? `${x} < ${zero(dtype)} ? ${slope} * ${x} : ${x}`
      : cast(dtype, `${x} < 0 ? ${slope} * ${x} : ${x}`),
  ),
  Pow: binary((a, b, dtype, site) => {
    const isDouble = dtype === 'float64' || site.input(1).dtype === 'float64'
    const exponent = site.constant(1)
    if (isFloating(dtype) && exponent?.size === 1 && exponent.numbers()[0] === 2) return `${a} * ${a}`
    const [type, name] = isFloating(dtype) && !isDouble ? ['float', 'powf'] : ['double', 'pow']
    return cast(dtype, `${name}((${type})${a}, (${type})${b})`)
  }),
  Mod: binary((a, b, dtype, site) => {
    if (isFloating(dtype)) return `${mathFunction(dtype, 'fmod')}(${a}, ${b})`
    if (site.node.int('fmod', 0) === 1 || !isSigned(dtype)) return cast(dtype, `${a} % ${b}`)
    return cast(
      dtype,
      `${a} % ${b} != 0 && (${a} % ${b} < 0) != (${b} < 0) ? ${a} % ${b} + ${b} : ${a} % ${b}`,
    )
  }),
  Max: variadic(larger),
  Min: variadic(smaller),
  Sum: variadic((a, b) => `${a} + ${b}`),
  Mean: variadic(
    (a, b) => `${a} + ${b}`,
    (sum, count) => `(${sum}) / ${count}.0f`,
  ),
  Where: (site) =>
    mapBy(site, [site.input(0), site.input(1), site.input(2)], ([c, a, b]) => `${c} ? ${a} : ${b}`),
}
