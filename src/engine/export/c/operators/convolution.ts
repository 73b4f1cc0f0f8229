/** Convolutions of one, two and more spatial axes. Source: ONNX Conv, ConvTranspose. */
import { sizeOf } from '../../../onnx'
import { floatArithmetic, type Arithmetic } from '../kernels/arithmetic'
import { planeKernel } from '../kernels/plane'
import { sparsePlaneKernel } from '../kernels/sparse'
import { denseStrides, indent, loop } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer, Pooling, Step } from '../program'
import { UNLIMITED } from '../sharing'
import { weightsOf, type Weights } from '../weights'
import { weightOperands } from './product'
import { windowOf, type Window } from './window'

/** A convolution of two spatial axes; one axis is a row. */
interface Plane {
  n: number
  /** Channels a group reads. */
  channels: number
  height: number
  width: number
  outputs: number
  groups: number
  outHeight: number
  outWidth: number
  window: Window
}

/** Two spatial axes of one or two; a window of one element moved by one makes all of them a row. */
export function planeOf(x: Buffer, y: Buffer, groups: number, found: Window): Plane | undefined {
  if (x.dims.length > 4) return undefined
  const flat = x.dims.length === 3
  const two = (list: readonly number[], filler: number): number[] => (flat ? [filler, ...list] : [...list])
  const [height, width] = two(x.dims.slice(2), 1) as [number, number]
  const [outHeight, outWidth] = two(y.dims.slice(2), 1) as [number, number]
  const window: Window = {
    kernel: two(found.kernel, 1),
    strides: two(found.strides, 1),
    dilations: two(found.dilations, 1),
    before: two(found.before, 0),
    after: two(found.after, 0),
  }
  const base = { n: x.dims[0]!, channels: x.dims[1]! / groups, outputs: y.dims[1]!, groups }
  const isPoint =
    [...window.kernel, ...window.strides].every((one) => one === 1) && window.before.every((one) => one === 0)
  return isPoint && height === outHeight && width === outWidth
    ? { ...base, height: 1, width: height * width, outHeight: 1, outWidth: height * width, window }
    : { ...base, height, width, outHeight, outWidth, window }
}

export const planeParams = ({
  n,
  channels,
  height,
  width,
  outputs,
  groups,
  outHeight,
  outWidth,
  window,
}: Plane): (readonly [string, number])[] => [
  ['n', n],
  ['ic', channels],
  ['ih', height],
  ['iw', width],
  ['oc', outputs],
  ['og', outputs / groups],
  ['oh', outHeight],
  ['ow', outWidth],
  ['kh', window.kernel[0]!],
  ['kw', window.kernel[1]!],
  ['sy', window.strides[0]!],
  ['sx', window.strides[1]!],
  ['dy', window.dilations[0]!],
  ['dx', window.dilations[1]!],
  ['py', window.before[0]!],
  ['px', window.before[1]!],
]

/** Whether some window reaches beyond the input. */
export const isPadded = ({ height, width, outHeight, outWidth, window }: Plane): boolean => {
  const inside = (size: number, out: number, axis: 0 | 1): boolean =>
    window.before[axis] === 0 && lastOf(out, axis, window) < size
  return !inside(height, outHeight, 0) || !inside(width, outWidth, 1)
}

/** The last place that the window of an output beyond which `out` end touches. */
const lastOf = (out: number, axis: 0 | 1, { kernel, strides, dilations, before }: Window): number =>
  (out - 1) * strides[axis]! - before[axis]! + (kernel[axis]! - 1) * dilations[axis]!

/** The loops of a convolution. */
function planeBody(weights: Weights, arithmetic: Arithmetic, plane: Plane, pool?: Pooling): string {
  if ('sparse' in weights) return sparsePlaneKernel(weights.sparse, arithmetic, pool)
  const { height, width, outHeight, outWidth, window } = plane
  const columns = Array.from({ length: outWidth }, (_, c) => c * window.strides[1]! - window.before[1]!)
  const reach = (window.kernel[1]! - 1) * window.dilations[1]!
  const whole = columns.flatMap((left, c) => (left >= 0 && left + reach < width ? [c] : []))
  const taps = {
    height: window.kernel[0]!,
    width: window.kernel[1]!,
    step: window.strides[1]!,
    dilation: window.dilations[1]!,
    wholeRows: window.before[0] === 0 && lastOf(outHeight, 0, window) < height,
    columns: outWidth,
    first: whole[0] ?? 0,
    end: (whole.at(-1) ?? -1) + 1,
  }
  return planeKernel(weights.dense, arithmetic, taps, pool)
}

/** Body and scratch of a convolution, alone and with a pool behind it. */
export function planeLoops(
  site: Site,
  weights: Weights,
  arithmetic: Arithmetic,
  plane: Plane,
  scratch: readonly Buffer[] = [],
): Pick<Step, 'body' | 'scratch' | 'pooled'> {
  const { dtype } = site.output()
  return {
    body: planeBody(weights, arithmetic, plane),
    ...(scratch.length > 0 && { scratch }),
    pooled: (pool) => ({
      body: planeBody(weights, arithmetic, plane, pool),
      scratch: [...scratch, site.temporary(dtype, [plane.outHeight * plane.outWidth])],
    }),
  }
}

function floatPlane(site: Site, plane: Plane, x: Buffer, bias: Buffer | undefined, weights: Weights): void {
  const { reads, params, scratch } = weightOperands(
    site,
    weights,
    plane.outHeight * plane.outWidth,
    'float32',
  )
  site.step({
    op: 'sparse' in weights ? 'sparse_conv' : 'conv',
    reads: [x, ...(bias ? [bias] : []), ...reads],
    writes: [site.output()],
    params: [...planeParams(plane), ...params],
    floats: UNLIMITED,
    ...planeLoops(
      site,
      weights,
      floatArithmetic(weights, (o) => bias && `a1[${o}]`),
      plane,
      scratch,
    ),
    macs: planeMacs(plane),
  })
}

export const planeMacs = ({ n, outputs, outHeight, outWidth, channels, window: { kernel } }: Plane): number =>
  n * outputs * outHeight * outWidth * channels * kernel[0]! * kernel[1]!

/** Any number of axes, any weight: loops over outputs and windows as they come. */
function anyAxes(
  site: Site,
  x: Buffer,
  w: Buffer,
  bias: Buffer | undefined,
  groups: number,
  window: Window,
): void {
  const y = site.output()
  const axes = window.kernel.map((_, i) => i)
  const size = x.dims.slice(2)
  const [channels, outputs] = [x.dims[1]! / groups, y.dims[1]!]
  const index = (terms: string[], dims: readonly number[]): string =>
    terms.map((term, i) => `${term} * ${denseStrides(dims)[i]}`).join(' + ')
  const places = axes.map(
    (
      a,
    ) => `const int32_t p${a} = o${a} * ${window.strides[a]} + k${a} * ${window.dilations[a]} - ${window.before[a]};
if (p${a} < 0 || p${a} >= ${size[a]}) continue;`,
  )
  const inner = `t += a0[${index(['b', `(o / ${outputs / groups} * ${channels} + c)`, ...axes.map((a) => `p${a}`)], x.dims)}] * a1[${index(['o', 'c', ...axes.map((a) => `k${a}`)], w.dims)}];`
  const taps = axes.reduceRight(
    (code, a) => `${loop(`k${a}`, window.kernel[a]!)} {\n${indent(`${places[a]}\n${code}`)}\n}`,
    inner,
  )
  const each = `float t = ${bias ? 'a2[o]' : '0.0f'};\n${loop('c', channels)} {\n${indent(taps)}\n}\ny0[${index(['b', 'o', ...axes.map((a) => `o${a}`)], y.dims)}] = t;`
  const outer = axes.reduceRight((code, a) => `${loop(`o${a}`, y.dims[a + 2]!)} {\n${indent(code)}\n}`, each)
  const body = `${loop('b', x.dims[0]!)}\n  ${loop('o', outputs)} {\n${indent(indent(outer))}\n  }`
  site.step({
    op: 'conv_any',
    reads: [x, w, ...(bias ? [bias] : [])],
    writes: [y],
    body,
    macs: sizeOf(y.dims) * channels * sizeOf(window.kernel),
  })
}

const conv: Lower = (site) => {
  const [x, w, bias] = [site.input(0), site.input(1), site.inputs[2]]
  if (x.dtype !== 'float32') site.fail(`is only known for float32, not for ${x.dtype}.`)
  const groups = site.node.int('group', 1)
  const y = site.output()
  const window = windowOf(site.node, x.dims.slice(2), y.dims.slice(2), w.dims.slice(2))
  const weight = site.constant(1)
  const plane = planeOf(x, y, groups, window)
  if (!plane || !weight) return anyAxes(site, x, w, bias, groups, window)
  const weights = weightsOf(site, w.name, weight.floats(), weight.size / weight.dims[0]!, bias ? 2 : 1)
  floatPlane(site, plane, x, bias, weights)
}

/** Each input element is spread over its window of outputs. */
const convTranspose: Lower = (site) => {
  const { node } = site
  const [x, w, bias] = [site.input(0), site.input(1), site.inputs[2]]
  if (x.dtype !== 'float32') site.fail(`is only known for float32, not for ${x.dtype}.`)
  const y = site.output()
  const groups = node.int('group', 1)
  const kernel = w.dims.slice(2)
  const axes = kernel.map((_, i) => i)
  const strides = node.ints('strides') ?? kernel.map(() => 1)
  const dilations = node.ints('dilations') ?? kernel.map(() => 1)
  const size = x.dims.slice(2)
  const auto = node.string('auto_pad', 'NOTSET')
  const beyond = node.ints('output_padding') ?? kernel.map(() => 0)
  const total = axes.map((a) =>
    Math.max(
      0,
      strides[a]! * (size[a]! - 1) + beyond[a]! + (kernel[a]! - 1) * dilations[a]! + 1 - y.dims[a + 2]!,
    ),
  )
  const isFitted = node.attributes.has('output_shape') || auto.startsWith('SAME')
  const before = axes.map((a) => {
    if (!isFitted) return auto === 'NOTSET' ? (node.ints('pads')?.[a] ?? 0) : 0
    return auto === 'SAME_LOWER' ? Math.ceil(total[a]! / 2) : Math.floor(total[a]! / 2)
  })
  const [channels, each] = [x.dims[1]! / groups, w.dims[1]!]
  const index = (terms: string[], dims: readonly number[]): string =>
    terms.map((term, i) => `${term} * ${denseStrides(dims)[i]}`).join(' + ')
  const places = axes.map(
    (a) => `const int32_t p${a} = i${a} * ${strides[a]} + k${a} * ${dilations[a]} - ${before[a]};
if (p${a} < 0 || p${a} >= ${y.dims[a + 2]}) continue;`,
  )
  const inner = `y0[${index(['b', `(c / ${channels} * ${each} + o)`, ...axes.map((a) => `p${a}`)], y.dims)}] += v * a1[${index(['c', 'o', ...axes.map((a) => `k${a}`)], w.dims)}];`
  const taps = axes.reduceRight(
    (code, a) => `${loop(`k${a}`, kernel[a]!)} {\n${indent(`${places[a]}\n${code}`)}\n}`,
    inner,
  )
  const spread = `const float v = a0[${index(['b', 'c', ...axes.map((a) => `i${a}`)], x.dims)}];\n${loop('o', each)} {\n${indent(taps)}\n}`
  const walk = axes.reduceRight((code, a) => `${loop(`i${a}`, size[a]!)} {\n${indent(code)}\n}`, spread)
  const plane = sizeOf(y.dims.slice(2))
  const body = `${loop('i', sizeOf(y.dims))} y0[i] = ${bias ? `a2[i / ${plane} % ${y.dims[1]}]` : '0.0f'};
${loop('b', x.dims[0]!)}
  ${loop('c', x.dims[1]!)} {\n${indent(indent(walk))}\n  }`
  site.step({
    reads: [x, w, ...(bias ? [bias] : [])],
    writes: [y],
    body,
    macs: sizeOf(x.dims) * each * sizeOf(kernel),
  })
}

export const CONVOLUTION: Record<string, Lower> = { Conv: conv, ConvTranspose: convTranspose }
