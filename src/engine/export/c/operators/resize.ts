/**
 * Resizing: where each output lies on the input is known beforehand, axis by axis, so that the code holds tables and no
 * coordinates. Source: ONNX Resize, Upsample.
 */
import { sizeOf } from '../../../onnx'
import { denseStrides, indent, loop } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { isFloating } from '../types'
import { axisOf } from './layout'

/** Elements of the input that an output is made of, [outputs · taps]. */
interface Taps {
  count: number
  indices: number[]
  weights: number[]
}

interface Axis {
  input: number
  output: number
  scale: number
}

type Transform = (place: number, axis: Axis) => number

const TRANSFORMS: Record<string, Transform> = {
  half_pixel: (place, { scale }) => (place + 0.5) / scale - 0.5,
  pytorch_half_pixel: (place, { scale, output }) => (output > 1 ? (place + 0.5) / scale - 0.5 : 0),
  align_corners: (place, { input, output }) => (output === 1 ? 0 : (place * (input - 1)) / (output - 1)),
  asymmetric: (place, { scale }) => place / scale,
  half_pixel_symmetric: (place, { input, output, scale }) => {
    const offset = (input / 2) * (1 - output / (scale * input))
    return offset + (place + 0.5) / scale - 0.5
  },
}

const ROUNDINGS: Record<string, (x: number) => number> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

/** Weights of four neighbours at a fraction behind the second. Source: Keys, 10.1109/TASSP.1981.1163711. */
function cubic(t: number, a: number): number[] {
  const near = (d: number): number => (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
  const far = (d: number): number => a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a
  return [far(1 + t), near(t), near(1 - t), far(2 - t)]
}

function tapsOf(site: Site, axis: Axis): Taps {
  const { node } = site
  const mode = node.string('mode', 'nearest')
  const name = node.string(
    'coordinate_transformation_mode',
    node.opType === 'Upsample' ? 'asymmetric' : 'half_pixel',
  )
  const transform = TRANSFORMS[name] ?? site.fail(`takes its coordinates by “${name}”.`)
  const rounding =
    ROUNDINGS[node.string('nearest_mode', node.opType === 'Upsample' ? 'floor' : 'round_prefer_floor')]!
  const outside = node.int('exclude_outside', 0) === 1
  const taps: Taps = { count: mode === 'nearest' ? 1 : mode === 'linear' ? 2 : 4, indices: [], weights: [] }
  if (axis.input === axis.output && axis.scale === 1)
    return {
      count: 1,
      indices: Array.from({ length: axis.output }, (_, i) => i),
      weights: new Array<number>(axis.output).fill(1),
    }
  for (let place = 0; place < axis.output; place++) {
    const x = transform(place, axis)
    const base = Math.floor(x)
    const near: [number, number][] =
      mode === 'nearest'
        ? [[rounding(x), 1]]
        : mode === 'linear'
          ? [
              [base, 1 - (x - base)],
              [base + 1, x - base],
            ]
          : cubic(x - base, node.float('cubic_coeff_a', -0.75)).map((weight, i) => [base - 1 + i, weight])
    const kept = near.map(([index, weight]): [number, number] => [
      index,
      outside && (index < 0 || index >= axis.input) ? 0 : weight,
    ])
    const total = outside ? kept.reduce((sum, [, weight]) => sum + weight, 0) : 1
    for (const [index, weight] of kept) {
      taps.indices.push(Math.min(axis.input - 1, Math.max(0, index)))
      taps.weights.push(weight / total)
    }
  }
  return taps
}

/** Scales by axis, from scales or sizes. */
function axesOf(site: Site, x: Buffer, y: Buffer): Axis[] {
  const { node } = site
  const isUpsample = node.opType === 'Upsample'
  const scales = isUpsample
    ? (site.numbers(1) ?? node.floats('scales'))
    : site.numbers(site.opset < 11 ? 1 : 2)
  const sizes = isUpsample ? undefined : site.numbers(3)
  const axes = (node.ints('axes') ?? x.dims.map((_, i) => i)).map((axis) => axisOf(axis, x.dims.length))
  const policy = node.string('keep_aspect_ratio_policy', 'stretch')
  const ratios = sizes?.map((size, i) => size / x.dims[axes[i]!]!)
  const shared =
    policy === 'stretch' || !ratios
      ? undefined
      : policy === 'not_larger'
        ? Math.min(...ratios)
        : Math.max(...ratios)
  return x.dims.map((input, axis) => {
    const at = axes.indexOf(axis)
    const scale = at < 0 ? 1 : (shared ?? (scales?.length ? scales[at]! : y.dims[axis]! / input))
    return { input, output: y.dims[axis]!, scale }
  })
}

const resize: Lower = (site) => {
  const { node } = site
  const x = site.input(0)
  const y = site.output()
  if (node.int('antialias', 0)) site.fail('smooths (antialias).')
  const mode = node.string('mode', 'nearest')
  if (mode !== 'nearest' && !isFloating(x.dtype)) site.fail(`is only known for float32, not for ${x.dtype}.`)
  const axes = axesOf(site, x, y)
  const strides = denseStrides(x.dims)
  const reads: Buffer[] = [x]
  const table = (name: string, values: readonly number[], dtype: 'int32' | 'float32'): string =>
    `a${reads.push(site.fixed(name, dtype, [values.length], values)) - 1}`
  const places = axes.map((axis, i) => {
    const taps = tapsOf(site, axis)
    const each = axis.output / axis.input
    const isRepeat =
      Number.isInteger(each) &&
      taps.count === 1 &&
      taps.indices.every((index, o) => index === Math.floor(o / each))
    const index = isRepeat
      ? each === 1
        ? `o${i}`
        : `o${i} / ${each}`
      : `${table('places', taps.indices, 'int32')}[o${i}${taps.count > 1 ? ` * ${taps.count} + k${i}` : ''}]`
    return {
      taps,
      term: `${index} * ${strides[i]}`,
      weight:
        taps.count > 1 ? `${table('shares', taps.weights, 'float32')}[o${i} * ${taps.count} + k${i}]` : '',
    }
  })
  const index = places.map(({ term }) => term).join(' + ')
  const mixed = places.flatMap(({ taps, weight }, i) =>
    taps.count > 1 ? [{ i, count: taps.count, weight }] : [],
  )
  const inner = mixed.reduceRight(
    (code, { i, count }) => `${loop(`k${i}`, count)} {\n${indent(code)}\n}`,
    `t += a0[${index}]${mixed.map(({ weight }) => ` * ${weight}`).join('')};`,
  )
  const each = mixed.length === 0 ? `y0[i++] = a0[${index}];` : `float t = 0.0f;\n${inner}\ny0[i++] = t;`
  const walk = axes.reduceRight(
    (code, { output }, i) => `${loop(`o${i}`, output)} {\n${indent(code)}\n}`,
    each,
  )
  if (sizeOf(y.dims) === 0) return site.fail('gives an empty tensor.')
  site.step({ reads, writes: [y], body: `int32_t i = 0;\n${walk}` })
}

export const RESIZE: Record<string, Lower> = { Resize: resize, Upsample: resize }
