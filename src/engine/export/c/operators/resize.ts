/**
 * Resizing: where each output lies on the input is known beforehand, axis by axis, so that the code holds tables and no
 * coordinates. Source: ONNX Resize, Upsample.
 */
import { sizeOf, type Node } from '../../../onnx'
import { denseStrides, indent, loop } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { isFloating, literal } from '../types'
import { axisOf } from './layout'

/** Elements of the input that an output is made of, [outputs · taps]. */
interface Taps {
  count: number
  indices: number[]
  weights: number[]
  /** Whether an output lies within the input, [outputs]; absent where all do. */
  within?: number[]
}

interface Axis {
  input: number
  output: number
  scale: number
  /** What is resized, as shares of the axis. */
  region: readonly [number, number]
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
  tf_crop_and_resize: (place, { input, output, region: [start, end] }) =>
    (input - 1) * (output > 1 ? start + (place * (end - start)) / (output - 1) : (start + end) / 2),
}

const ROUNDINGS: Record<string, (x: number) => number> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
}

/** By distance. Source: Keys, 10.1109/TASSP.1981.1163711. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance)
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
  return d < 2 ? a * (d ** 3 - 5 * d ** 2 + 8 * d - 4) : 0
}

/** What an output at `x` is made of; `stretch` is how much wider than one element what is weighed lies. */
function neighbours(node: Node, mode: string, x: number, stretch: number): [number, number][] {
  if (mode === 'nearest') {
    const fallback = node.opType === 'Upsample' ? 'floor' : 'round_prefer_floor'
    return [[ROUNDINGS[node.string('nearest_mode', fallback)]!(x), 1]]
  }
  const a = node.float('cubic_coeff_a', -0.75)
  const weigh = (d: number): number => (mode === 'linear' ? Math.max(0, 1 - Math.abs(d)) : cubic(d, a))
  const reach = Math.ceil((mode === 'linear' ? 1 : 2) * stretch)
  const base = Math.floor(x)
  return Array.from({ length: 2 * reach }, (_, i) => {
    const index = base - reach + 1 + i
    return [index, weigh((index - x) / stretch)]
  })
}

const CROP = 'tf_crop_and_resize'

function tapsOf(site: Site, axis: Axis): Taps {
  const { node } = site
  const mode = node.string('mode', 'nearest')
  const name = node.string(
    'coordinate_transformation_mode',
    node.opType === 'Upsample' ? 'asymmetric' : 'half_pixel',
  )
  const transform = TRANSFORMS[name] ?? site.fail(`takes its coordinates by “${name}”.`)
  if (axis.input === axis.output && axis.scale === 1 && name !== CROP)
    return {
      count: 1,
      indices: Array.from({ length: axis.output }, (_, i) => i),
      weights: new Array<number>(axis.output).fill(1),
    }
  const smooths = node.int('antialias', 0) === 1 && mode !== 'nearest'
  const stretch = smooths ? Math.max(1, 1 / axis.scale) : 1
  const leavesOut = node.int('exclude_outside', 0) === 1
  const taps: Taps = { count: 0, indices: [], weights: [] }
  const within: number[] = []
  for (let place = 0; place < axis.output; place++) {
    const x = transform(place, axis)
    within.push(name !== CROP || (x >= 0 && x <= axis.input - 1) ? 1 : 0)
    const kept = neighbours(node, mode, x, stretch).map(([index, weight]): [number, number] => [
      index,
      leavesOut && (index < 0 || index >= axis.input) ? 0 : weight,
    ])
    const total = leavesOut || smooths ? kept.reduce((sum, [, weight]) => sum + weight, 0) : 1
    taps.count = kept.length
    for (const [index, weight] of kept) {
      taps.indices.push(Math.min(axis.input - 1, Math.max(0, index)))
      taps.weights.push(weight / total)
    }
  }
  return within.every(Boolean) ? taps : { ...taps, within }
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
  const regions = node.string('coordinate_transformation_mode', '') === CROP ? (site.numbers(1) ?? []) : []
  return x.dims.map((input, axis) => {
    const at = axes.indexOf(axis)
    const scale = at < 0 ? 1 : (shared ?? (scales?.length ? scales[at]! : y.dims[axis]! / input))
    const region = [regions[at] ?? 0, regions[at + axes.length] ?? 1] as const
    return { input, output: y.dims[axis]!, scale, region }
  })
}

const resize: Lower = (site) => {
  const { node } = site
  const x = site.input(0)
  const y = site.output()
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
  const inside = places.flatMap(({ taps: { within } }, i) =>
    within ? [`${table('inside', within, 'int32')}[o${i}]`] : [],
  )
  const beyond = literal(x.dtype, node.float('extrapolation_value', 0))
  const chosen = (value: string): string =>
    inside.length > 0 ? `${inside.join(' && ')} ? ${value} : ${beyond}` : value
  const each =
    mixed.length === 0
      ? `y0[i++] = ${chosen(`a0[${index}]`)};`
      : `float t = 0.0f;\n${inner}\ny0[i++] = ${chosen('t')};`
  const walk = axes.reduceRight(
    (code, { output }, i) => `${loop(`o${i}`, output)} {\n${indent(code)}\n}`,
    each,
  )
  if (sizeOf(y.dims) === 0) return site.fail('gives an empty tensor.')
  site.step({ reads, writes: [y], body: `int32_t i = 0;\n${walk}` })
}

export const RESIZE: Record<string, Lower> = { Resize: resize, Upsample: resize }
