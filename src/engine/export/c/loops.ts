/** Loops over tensors of known shape, with as few levels as their strides allow. */
import { size as sized } from './sharing'

export type Dims = readonly number[]

/** Elements between neighbours along each axis of a dense tensor. */
export function denseStrides(dims: Dims): number[] {
  const strides = new Array<number>(dims.length).fill(1)
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * dims[i + 1]!
  return strides
}

/** Strides of a tensor read in the shape `out` by ONNX's broadcasting: 0 along axes that it repeats. */
export function broadcastStrides(dims: Dims, out: Dims): number[] {
  const lead = out.length - dims.length
  const strides = denseStrides(dims)
  return out.map((_, axis) => (axis < lead || dims[axis - lead] === 1 ? 0 : strides[axis - lead]!))
}

/** The shape of operands together. Source: ONNX, "Multidirectional Broadcasting". */
export function broadcastDims(shapes: readonly Dims[]): number[] {
  const rank = Math.max(0, ...shapes.map((dims) => dims.length))
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((dims) => dims[axis - (rank - dims.length)] ?? 1)
    return sizes.find((size) => size !== 1) ?? 1
  })
}

interface Walk {
  strides: readonly number[]
  offset?: number
}

/** An index of so many terms; without any, '0'. */
function indexOf(strides: readonly number[], variables: readonly string[], offset = 0): string {
  const terms = strides.flatMap((stride, axis) =>
    stride === 0 ? [] : [stride === 1 ? variables[axis]! : `${variables[axis]!} * ${sized(stride)}`],
  )
  if (offset !== 0 || terms.length === 0) terms.push(sized(offset))
  return terms.join(' + ')
}

/** Joins axes that every walk passes as one, and drops those of one element. */
function collapse(dims: Dims, walks: readonly Walk[]): { dims: number[]; strides: number[][] } {
  const kept: number[] = []
  const strides: number[][] = walks.map(() => [])
  for (let axis = 0; axis < dims.length; axis++) {
    const size = dims[axis]!
    if (size === 1) continue
    const last = kept.length - 1
    const joins = last >= 0 && walks.every((walk, w) => strides[w]![last] === walk.strides[axis]! * size)
    if (joins) kept[last]! *= size
    else kept.push(size)
    walks.forEach((walk, w) => {
      if (joins) strides[w]![last] = walk.strides[axis]!
      else strides[w]!.push(walk.strides[axis]!)
    })
  }
  return { dims: kept, strides }
}

/**
 * `for` loops over `dims`; `body` gets an index for each walk. Nothing is written for an empty tensor. `variable` begins
 * the names of the counters, for loops within loops.
 */
export function nest(
  dims: Dims,
  walks: readonly Walk[],
  body: (indices: string[]) => string,
  variable = 'i',
): string {
  if (dims.some((dim) => dim === 0)) return ''
  const flat = collapse(dims, walks)
  const names = flat.dims.map((_, level) => `${variable}${level}`)
  const heads = flat.dims.map((dim, level) => loop(names[level]!, dim))
  const inner = body(flat.strides.map((strides, w) => indexOf(strides, names, walks[w]!.offset)))
  return heads.reduceRight((code, head) => `${head} {\n${indent(code)}\n}`, inner)
}

export const loop = (name: string, size: number | string, from: number | string = 0): string =>
  `for (int32_t ${name} = ${from}; ${name} < ${typeof size === 'number' ? sized(size) : size}; ${name}++)`

export const indent = (code: string): string =>
  code
    .split('\n')
    .map((line) => (line === '' ? line : `  ${line}`))
    .join('\n')
