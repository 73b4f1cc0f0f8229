/** Operators that look at one element at a time: chains of them become one loop. */
import { sizeOf, type DType } from '../../onnx'
import { broadcastStrides, denseStrides, indent, loop, nest } from './loops'
import { bytesOf, rootOf, type Buffer, type Step } from './program'
import { cType } from './types'

/** An operand: something read, or what an earlier operator of the chain gave. */
type Operand = { load: number } | { result: number }

export interface ElementOperator {
  dtype: DType
  operands: readonly Operand[]
  /** An expression of the C type of `dtype`. */
  expression(operands: readonly string[]): string
  helpers?: readonly string[]
}

export interface MapStep {
  title: string
  op: string
  loads: readonly Buffer[]
  operators: readonly ElementOperator[]
  out: Buffer
}

/** Longer chains would need more registers than there are. */
const LONGEST = 24

const sameDims = (a: Buffer, b: Buffer): boolean =>
  a.dims.length === b.dims.length && a.dims.every((dim, i) => dim === b.dims[i])

/** `first` written into `second`, which alone reads what it gives, element by element; undefined where it does not. */
export function joined(first: MapStep, second: MapStep): MapStep | undefined {
  const at = second.loads.indexOf(first.out)
  const fits =
    at >= 0 &&
    sameDims(first.out, second.out) &&
    second.loads.every((load, i) => i === at || rootOf(load) !== rootOf(first.out)) &&
    first.operators.length + second.operators.length <= LONGEST
  if (!fits) return undefined
  const loads = [...first.loads]
  const place = second.loads.map((load, i) => {
    if (i === at) return -1
    const known = loads.indexOf(load)
    return known >= 0 ? known : loads.push(load) - 1
  })
  const shift = first.operators.length
  const moved = (operand: Operand): Operand => {
    if ('result' in operand) return { result: operand.result + shift }
    return operand.load === at ? { result: shift - 1 } : { load: place[operand.load]! }
  }
  const operators = second.operators.map((one) => ({ ...one, operands: one.operands.map(moved) }))
  return {
    title: `${first.title}, ${second.title}`,
    op: second.op,
    loads,
    operators: [...first.operators, ...operators],
    out: second.out,
  }
}

/** The loop of a chain. */
export function stepOf({ title, op, loads, operators, out }: MapStep): Step {
  const statements = (indices: readonly string[]): string => {
    const read = loads.map((load, i) => `const ${cType(load.dtype)} v${i} = a${i}[${indices[i]}];`)
    const name = (operand: Operand): string => ('load' in operand ? `v${operand.load}` : `t${operand.result}`)
    const lines = operators.map(({ dtype, operands, expression }, i) => {
      const value = expression(operands.map(name))
      return i === operators.length - 1
        ? `y0[${indices[loads.length]}] = ${value};`
        : `const ${cType(dtype)} t${i} = ${value};`
    })
    return [...read, ...lines].join('\n')
  }
  const isFlat = loads.every((load) => sameDims(load, out))
  const walks = [...loads.map((load) => broadcastStrides(load.dims, out.dims)), denseStrides(out.dims)]
  const body = isFlat
    ? `${loop('i', 'n')} {\n${indent(statements([...loads, out].map(() => 'i')))}\n}`
    : nest(
        out.dims,
        walks.map((strides) => ({ strides })),
        statements,
      )
  const inPlace = loads.flatMap((load, i) =>
    bytesOf(load) === bytesOf(out) && sameDims(load, out) ? [i] : [],
  )
  const helpers = operators.flatMap((one) => one.helpers ?? [])
  return {
    title,
    op,
    reads: loads,
    writes: [out],
    body,
    inPlace,
    ...(helpers.length > 0 && { helpers }),
    ...(isFlat && { params: [['n', sizeOf(out.dims)] as const] }),
  }
}
