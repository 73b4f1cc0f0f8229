/** Operators that make one value of many. Source: ONNX Operators.md. */
import { sizeOf, type DType } from '../../../onnx'
import { denseStrides, nest } from '../loops'
import type { Lower, Site } from '../lowering'
import { cType, isFloating, literal, mathFunction } from '../types'
import { axisOf } from './layout'

interface Reduction {
  start(dtype: DType): string
  /** The sum with one more value. */
  add(sum: string, value: string, dtype: DType): string
  end?(sum: string, count: number, dtype: DType): string
}

const LEAST: Partial<Record<DType, string>> = {
  int8: 'INT8_MIN',
  int16: 'INT16_MIN',
  int32: 'INT32_MIN',
  int64: 'INT64_MIN',
  uint8: '0',
  uint16: '0',
  uint32: '0',
  uint64: '0',
  bool: '0',
  float32: '-INFINITY',
  float64: '-INFINITY',
}
const MOST: Partial<Record<DType, string>> = {
  int8: 'INT8_MAX',
  int16: 'INT16_MAX',
  int32: 'INT32_MAX',
  int64: 'INT64_MAX',
  uint8: 'UINT8_MAX',
  uint16: 'UINT16_MAX',
  uint32: 'UINT32_MAX',
  uint64: 'UINT64_MAX',
  bool: '1',
  float32: 'INFINITY',
  float64: 'INFINITY',
}

const zero = (dtype: DType): string => literal(dtype, 0)
const plus = (sum: string, value: string): string => `${sum} + ${value}`
const squares = (sum: string, value: string): string => `${sum} + ${value} * ${value}`
const root = (sum: string, _: number, dtype: DType): string =>
  isFloating(dtype) ? `${mathFunction(dtype, 'sqrt')}(${sum})` : `sqrt((double)${sum})`
const log = (sum: string, _: number, dtype: DType): string =>
  isFloating(dtype) ? `${mathFunction(dtype, 'log')}(${sum})` : `log((double)${sum})`

const REDUCTIONS: Record<string, Reduction> = {
  Sum: { start: zero, add: plus },
  Mean: {
    start: zero,
    add: plus,
    end: (sum, count, dtype) => `${sum} / ${literal(dtype, count)}`,
  },
  Max: {
    start: (dtype) => LEAST[dtype]!,
    add: (sum, value, dtype) =>
      isFloating(dtype)
        ? `${value} > ${sum} || ${value} != ${value} ? ${value} : ${sum}`
        : `${value} > ${sum} ? ${value} : ${sum}`,
  },
  Min: {
    start: (dtype) => MOST[dtype]!,
    add: (sum, value, dtype) =>
      isFloating(dtype)
        ? `${value} < ${sum} || ${value} != ${value} ? ${value} : ${sum}`
        : `${value} < ${sum} ? ${value} : ${sum}`,
  },
  Prod: { start: (dtype) => literal(dtype, 1), add: (sum, value) => `${sum} * ${value}` },
  L1: {
    start: zero,
    add: (sum, value, dtype) =>
      `${sum} + ${isFloating(dtype) ? `${mathFunction(dtype, 'fabs')}(${value})` : `(${value} < 0 ? -${value} : ${value})`}`,
  },
  L2: { start: zero, add: squares, end: root },
  SumSquare: { start: zero, add: squares },
  LogSum: { start: zero, add: plus, end: log },
}

/** Axes by input or attribute; all where none are said, unless that means none. */
function axesOf(site: Site, rank: number): number[] {
  const given = site.numbers(1) ?? site.node.ints('axes')
  if (!given?.length)
    return site.node.int('noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, i) => i)
  return given.map((axis) => axisOf(axis, rank))
}

/** Loops over what stays, around loops over what goes. */
export function around(
  dims: readonly number[],
  axes: readonly number[],
  body: (
    output: string,
    inner: (statement: (input: string, order: string) => string, name?: string) => string,
  ) => string,
): string {
  const strides = denseStrides(dims)
  const kept = dims.map((_, i) => i).filter((axis) => !axes.includes(axis))
  const gone = dims.map((_, i) => i).filter((axis) => axes.includes(axis))
  const pick = (list: readonly number[], of: readonly number[]): number[] => of.map((axis) => list[axis]!)
  const outer = pick(dims, kept)
  return nest(outer, [{ strides: denseStrides(outer) }, { strides: pick(strides, kept) }], ([y, base]) =>
    body(y!, (statement, name = 'k') =>
      nest(
        pick(dims, gone),
        [{ strides: pick(strides, gone) }, { strides: denseStrides(pick(dims, gone)) }],
        ([x, order]) => statement(`${base} + ${x}`, order!),
        name,
      ),
    ),
  )
}

const reduce =
  ({ start, add, end }: Reduction): Lower =>
  (site) => {
    const x = site.input(0)
    const y = site.output()
    const axes = axesOf(site, x.dims.length)
    const count = sizeOf(x.dims) / Math.max(1, sizeOf(y.dims))
    // Small integers would not hold their own sum on the way.
    const type = cType(y.dtype)!
    const wide = isFloating(y.dtype) ? type : 'int64_t'
    const body =
      sizeOf(x.dims) === 0
        ? nest(
            [sizeOf(y.dims)],
            [{ strides: [1] }],
            ([i]) => `y0[${i}] = ${end ? end(start(y.dtype), 0, y.dtype) : start(y.dtype)};`,
          )
        : around(x.dims, axes, (at, inner) => {
            const sum = inner((from) => `{ const ${wide} v = a0[${from}]; t = ${add('t', 'v', y.dtype)}; }`)
            const value = end ? end('t', count, y.dtype) : 't'
            return `${wide} t = ${start(y.dtype)};\n${sum}\ny0[${at}] = ${isFloating(y.dtype) ? value : `(${type})(${value})`};`
          })
    site.step({ reads: sizeOf(x.dims) === 0 ? [] : [x], writes: [y], body })
  }

const logSumExp: Lower = (site) => {
  const x = site.input(0)
  if (!isFloating(x.dtype)) site.fail(`is only known for float32, not for ${x.dtype}.`)
  const [exp, log] = [mathFunction(x.dtype, 'exp'), mathFunction(x.dtype, 'log')]
  const type = cType(x.dtype)!
  const body = around(
    x.dims,
    axesOf(site, x.dims.length),
    (at, inner) => `${type} most = -INFINITY;
${inner((from) => `if (a0[${from}] > most) most = a0[${from}];`, 'j')}
if (isinf(most)) most = 0;
${type} t = 0;
${inner((from) => `t += ${exp}(a0[${from}] - most);`)}
y0[${at}] = ${log}(t) + most;`,
  )
  site.step({ reads: [x], writes: [site.output()], body })
}

const arg =
  (sign: '>' | '<'): Lower =>
  (site) => {
    const x = site.input(0)
    const axis = axisOf(site.node.int('axis', 0), x.dims.length)
    const better = site.node.int('select_last_index', 0) ? `${sign}=` : sign
    const stride = denseStrides(x.dims)[axis]!
    const body = around(
      x.dims,
      [axis],
      (at, inner) => `int32_t best = 0;
${inner((from, order) => `if (a0[${from}] ${better} a0[${from} - (${order} - best) * ${stride}]) best = ${order};`)}
y0[${at}] = best;`,
    )
    site.step({ reads: [x], writes: [site.output()], body })
  }

export const REDUCE: Record<string, Lower> = {
  ...Object.fromEntries(
    Object.entries(REDUCTIONS).map(([name, reduction]) => [`Reduce${name}`, reduce(reduction)]),
  ),
  ReduceLogSumExp: logSumExp,
  ArgMax: arg('>'),
  ArgMin: arg('<'),
}
