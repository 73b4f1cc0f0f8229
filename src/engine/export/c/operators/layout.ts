/** Operators that move elements or show them in another shape. Source: ONNX Operators.md. */
import { sizeOf } from '../../../onnx'
import { broadcastStrides, denseStrides, nest, type Dims } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { literal } from '../types'

interface Area {
  dims: Dims
  from: { strides: readonly number[]; offset?: number }
  to: { strides: readonly number[]; offset?: number }
}

export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** Statements that copy an area of a0 into y0. */
const copied = ({ dims, from, to }: Area, source = 'a0'): string =>
  nest(dims, [from, to], ([x, y]) => `y0[${y}] = ${source}[${x}];`)

/** Copies areas of the input that together are the output. */
function move(site: Site, x: Buffer, areas: readonly Area[], y = site.output()): void {
  site.step({ reads: [x], writes: [y], body: areas.map((area) => copied(area)).join('\n') })
}

const view: Lower = (site) => site.view(site.input(0))

const dense = (dims: Dims): { strides: number[] } => ({ strides: denseStrides(dims) })

const transpose: Lower = (site) => {
  const x = site.input(0)
  const y = site.output()
  const order = site.node.ints('perm') ?? x.dims.map((_, i) => x.dims.length - 1 - i)
  // Axes of one element may go anywhere.
  const moved = order.filter((axis) => x.dims[axis] !== 1)
  if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return site.view(x)
  const strides = denseStrides(x.dims)
  move(site, x, [{ dims: y.dims, from: { strides: order.map((axis) => strides[axis]!) }, to: dense(y.dims) }])
}

const expand: Lower = (site) => {
  const x = site.input(0)
  const y = site.output()
  if (sizeOf(x.dims) === sizeOf(y.dims)) return site.view(x)
  move(site, x, [{ dims: y.dims, from: { strides: broadcastStrides(x.dims, y.dims) }, to: dense(y.dims) }])
}

const slice: Lower = (site) => {
  const { node } = site
  const x = site.input(0)
  const y = site.output()
  const starts = node.ints('starts') ?? site.numbers(1)!
  const axes = node.ints('axes') ?? site.numbers(3) ?? starts.map((_, i) => i)
  const steps = site.numbers(4) ?? starts.map(() => 1)
  const strides = denseStrides(x.dims)
  let offset = 0
  starts.forEach((start, i) => {
    const axis = axisOf(axes[i]!, x.dims.length)
    const size = x.dims[axis]!
    const from = start < 0 ? start + size : start
    const first = Math.min(Math.max(from, 0), steps[i]! < 0 ? size - 1 : size)
    offset += first * strides[axis]!
    strides[axis]! *= steps[i]!
  })
  if (sizeOf(x.dims) === sizeOf(y.dims) && steps.every((step) => step > 0)) return site.view(x)
  move(site, x, [{ dims: y.dims, from: { strides, offset }, to: dense(y.dims) }])
}

const concat: Lower = (site) => {
  const y = site.output()
  const axis = axisOf(site.node.int('axis', 1), y.dims.length)
  const parts = site.inputs.filter((x): x is Buffer => x !== undefined && sizeOf(x.dims) > 0)
  const strides = denseStrides(y.dims)
  let at = 0
  const body = parts.map((x, i) => {
    const offset = at * strides[axis]!
    at += x.dims[axis]!
    return copied({ dims: x.dims, from: dense(x.dims), to: { strides, offset } }, `a${i}`)
  })
  site.step({ reads: parts, writes: [y], body: body.join('\n') })
}

const split: Lower = (site) => {
  const x = site.input(0)
  const axis = axisOf(site.node.int('axis', 0), x.dims.length)
  const strides = denseStrides(x.dims)
  let at = 0
  for (const y of site.outputs) {
    if (!y) continue
    const offset = at * strides[axis]!
    at += y.dims[axis]!
    move(site, x, [{ dims: y.dims, from: { strides, offset }, to: dense(y.dims) }], y)
  }
}

/** Where a padded index reads from, as C. */
const SOURCES: Record<string, (index: string, size: number) => string> = {
  edge: (i, n) => `(${i} < 0 ? 0 : ${i} >= ${n} ? ${n - 1} : ${i})`,
  reflect: (i, n) => `(${i} < 0 ? -(${i}) : ${i} >= ${n} ? ${2 * n - 2} - (${i}) : ${i})`,
  wrap: (i, n) => `(((${i}) % ${n} + ${n}) % ${n})`,
}

const pad: Lower = (site) => {
  const { node } = site
  const x = site.input(0)
  const y = site.output()
  const rank = x.dims.length
  const given = node.ints('pads') ?? site.numbers(1)!
  const axes = (site.numbers(3) ?? x.dims.map((_, i) => i)).map((axis) => axisOf(axis, rank))
  const before = x.dims.map((_, axis) => (axes.includes(axis) ? given[axes.indexOf(axis)]! : 0))
  const mode = node.string('mode', 'constant')
  const strides = denseStrides(x.dims)
  if (mode === 'constant') {
    const filler = site.inputs[2]
    const value = filler
      ? filler.place === 'constant'
        ? literal(x.dtype, site.constant(2)!.values()[0]!)
        : 'a1[0]'
      : literal(x.dtype, node.float('value', 0))
    const outer = denseStrides(y.dims)
    const first = before.map((count) => Math.max(0, count))
    const skipped = before.map((count) => Math.max(0, -count))
    const dims = x.dims.map((size, axis) => Math.min(size - skipped[axis]!, y.dims[axis]! - first[axis]!))
    const offset = (steps: readonly number[], counts: readonly number[]): number =>
      counts.reduce((sum, count, axis) => sum + count * steps[axis]!, 0)
    const body = [
      nest([sizeOf(y.dims)], [{ strides: [1] }], ([i]) => `y0[${i}] = ${value};`),
      copied({
        dims,
        from: { strides, offset: offset(strides, skipped) },
        to: { strides: outer, offset: offset(outer, first) },
      }),
    ]
    return site.step({ reads: value === 'a1[0]' ? [x, filler!] : [x], writes: [y], body: body.join('\n') })
  }
  const source = SOURCES[mode] ?? site.fail(`pads by “${mode}”.`)
  // One walk an axis, so that each index stands alone.
  const walks = y.dims.map((_, axis) => ({ strides: y.dims.map((_, i) => (i === axis ? 1 : 0)) }))
  const body = nest(y.dims, [{ strides: denseStrides(y.dims) }, ...walks], ([at, ...indices]) => {
    const terms = indices.map((index, axis) => {
      const shifted = before[axis] === 0 ? index : `${index} - ${before[axis]}`
      return `${before[axis] === 0 && y.dims[axis] === x.dims[axis] ? index : source(shifted, x.dims[axis]!)} * ${strides[axis]}`
    })
    return `y0[${at}] = a0[${terms.join(' + ') || '0'}];`
  })
  site.step({ reads: [x], writes: [y], body: body.replaceAll('- -', '+ ') })
}

const tile: Lower = (site) => {
  const x = site.input(0)
  const y = site.output()
  const repeats = site.numbers(1)!
  const dims = x.dims.flatMap((size, axis) => [repeats[axis]!, size])
  const strides = denseStrides(x.dims).flatMap((stride) => [0, stride])
  move(site, x, [{ dims, from: { strides }, to: dense(dims.length > 0 ? dims : y.dims) }])
}

const depthToSpace: Lower = (site) => {
  const x = site.input(0)
  const [n, c, h, w] = x.dims as [number, number, number, number]
  const block = site.node.int('blocksize', 1)
  const depth = c / block ** 2
  const isColumns = site.node.string('mode', 'DCR') === 'CRD'
  const dims = [n, depth, h, block, w, block]
  const [b, r] = isColumns ? [block ** 2, [block, 1]] : [1, [block * depth, depth]]
  const plane = h * w
  const strides = [c * plane, b * plane, w, r[0]! * plane, 1, r[1]! * plane]
  move(site, x, [{ dims, from: { strides }, to: dense(dims) }])
}

const spaceToDepth: Lower = (site) => {
  const x = site.input(0)
  const [n, c, h, w] = x.dims as [number, number, number, number]
  const block = site.node.int('blocksize', 1)
  const dims = [n, block, block, c, h / block, w / block]
  const strides = [c * h * w, w, 1, h * w, w * block, block]
  move(site, x, [{ dims, from: { strides }, to: dense(dims) }])
}

const trilu: Lower = (site) => {
  const x = site.input(0)
  const [rows, cols] = x.dims.slice(-2) as [number, number]
  const k = site.numbers(1)?.[0] ?? 0
  const kept = site.node.int('upper', 1) === 1 ? `c - r >= ${k}` : `c - r <= ${k}`
  const body = `for (int32_t b = 0; b < ${sizeOf(x.dims.slice(0, -2))}; b++)
  for (int32_t r = 0; r < ${rows}; r++)
    for (int32_t c = 0; c < ${cols}; c++) {
      const int32_t i = (b * ${rows} + r) * ${cols} + c;
      y0[i] = ${kept} ? a0[i] : 0;
    }`
  site.step({ reads: [x], writes: [site.output()], body, inPlace: [0] })
}

const reverseSequence: Lower = (site) => {
  const { node } = site
  const x = site.input(0)
  const [batch, time] = [node.int('batch_axis', 1), node.int('time_axis', 0)]
  const strides = denseStrides(x.dims)
  const one = (axis: number): number[] => x.dims.map((_, i) => (i === axis ? 1 : 0))
  const rest = strides.map((stride, axis) => (axis === time ? 0 : stride))
  const walks = [{ strides }, { strides: rest }, { strides: one(time) }, { strides: one(batch) }]
  const body = nest(
    x.dims,
    walks,
    ([at, from, t, b]) =>
      `y0[${at}] = a0[${from} + ((int64_t)(${t}) < a1[${b}] ? (int32_t)a1[${b}] - 1 - (${t}) : ${t}) * ${strides[time]}];`,
  )
  site.step({ reads: [x, site.input(1)], writes: [site.output()], body })
}

/** Its value comes from shapes and settings alone. */
const eyeLike: Lower = (site) => {
  const y = site.output()
  const [rows, cols] = y.dims as [number, number]
  const body = `for (int32_t r = 0; r < ${rows}; r++)
  for (int32_t c = 0; c < ${cols}; c++)
    y0[r * ${cols} + c] = c - r == ${site.node.int('k', 0)} ? 1 : 0;`
  site.step({ reads: [], writes: [y], body })
}

const constantOfShape: Lower = (site) => {
  const y = site.output()
  const value = literal(y.dtype, site.node.tensor('value')?.values()[0] ?? 0)
  site.step({
    reads: [],
    writes: [y],
    body: nest([sizeOf(y.dims)], [{ strides: [1] }], ([i]) => `y0[${i}] = ${value};`),
  })
}

const shapeOf: Lower = (site) => {
  const { node } = site
  const { dims } = site.input(0)
  const values = node.is('Size')
    ? [sizeOf(dims)]
    : dims.slice(node.int('start', 0), node.int('end', dims.length))
  site.step({
    reads: [],
    writes: [site.output()],
    body: values.map((value, i) => `y0[${i}] = ${value};`).join('\n'),
  })
}

/** A mask, where asked for, is all true: nothing is dropped outside training, nor at a ratio of 0. */
const dropout: Lower = (site) => {
  if (site.numbers(2)?.[0] && site.numbers(1)?.[0] !== 0) site.fail('drops values at random.')
  view(site)
  const mask = site.outputs[1]
  if (mask)
    site.step({
      reads: [],
      writes: [mask],
      body: nest([sizeOf(mask.dims)], [{ strides: [1] }], ([i]) => `y0[${i}] = 1;`),
    })
}

export const LAYOUT: Record<string, Lower> = {
  Reshape: view,
  Flatten: view,
  Squeeze: view,
  Unsqueeze: view,
  Identity: view,
  Dropout: dropout,
  Transpose: transpose,
  Expand: expand,
  Slice: slice,
  Concat: concat,
  Split: split,
  Pad: pad,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: trilu,
  ReverseSequence: reverseSequence,
  EyeLike: eyeLike,
  ConstantOfShape: constantOfShape,
  Shape: shapeOf,
  Size: shapeOf,
}
