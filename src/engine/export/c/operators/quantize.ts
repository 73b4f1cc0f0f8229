/** Codes and values. Source: ONNX QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, MatMulInteger, Cast. */
import { integerRange, sizeOf, type DType } from '../../../onnx'
import { broadcastStrides } from '../loops'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { cType, isFloating, literal } from '../types'
import { mapBy } from './elementwise'
import { axisOf } from './layout'

/** Smallest and largest number of an integer type as C; 64 bits as far as a float tells them apart. */
const bounds = (dtype: DType, from: DType): readonly [string, string] => {
  if (dtype === 'int64') return [literal(from, -(2 ** 63)), literal(from, 2 ** 63)]
  if (dtype === 'uint64') return [literal(from, 0), literal(from, 2 ** 64)]
  const [low, high] = integerRange(dtype)
  return [literal(from, low), literal(from, high)]
}
const edges = (dtype: DType): readonly [string, string] => {
  const upper = dtype.toUpperCase()
  return [dtype.startsWith('u') ? '0' : `${upper}_MIN`, `${upper}_MAX`]
}

/** A number of one type as one of another; what a type cannot hold becomes its nearest, as C leaves it undefined. */
function converted(x: string, from: DType, to: DType): string {
  if (from === to) return x
  const type = cType(to)!
  if (to === 'bool') return `(uint8_t)(${x} != 0)`
  if (!isFloating(from) || isFloating(to)) return `(${type})${x}`
  const [low, high] = bounds(to, from)
  const [least, most] = edges(to)
  return `!(${x} > ${low}) ? ${least} : ${x} >= ${high} ? ${most} : (${type})${x}`
}

const cast: Lower = (site) => {
  const x = site.input(0)
  for (const { dtype } of [x, site.output()]) if (!cType(dtype)) site.fail(`has no C for ${dtype}.`)
  mapBy(site, [x], ([v]) => converted(v!, x.dtype, site.output().dtype))
}

const axisOfScales = (site: Site, x: Buffer): number => axisOf(site.node.int('axis', 1), x.dims.length)

const isStretched = ({ dims }: Buffer, x: Buffer): boolean =>
  dims.length === x.dims.length && dims.every((size, i) => size === 1 || size === x.dims[i])

/** Scales of as many axes as what they scale, fewer along one of them, are those of blocks. */
const isOfBlocks = (scale: Buffer, x: Buffer): boolean =>
  scale.dims.length > 1 && scale.dims.length === x.dims.length && !isStretched(scale, x)

/** Scales lie along one axis, or are one. */
function along(site: Site, slot: number, x: Buffer): Buffer | undefined {
  const buffer = site.inputs[slot]
  if (!buffer || sizeOf(buffer.dims) === 1 || (buffer.dims.length > 1 && isStretched(buffer, x)))
    return buffer
  if (buffer.dims.length !== 1) return site.fail('has scales of more axes than values.')
  const axis = axisOfScales(site, x)
  const dims = x.dims.map((size, i) => (i === axis ? size : 1))
  return { ...buffer, dims, of: buffer }
}

type Code = (value: string, scale: string, zero: string | undefined) => string

/** `code` for every element, with its scale and its zero point. */
function coded(site: Site, x: Buffer, code: Code, helpers: readonly string[] = []): void {
  const [scale, zero] = [site.input(1), site.inputs[2]]
  if (!isOfBlocks(scale, x)) {
    const [s, z] = [along(site, 1, x)!, along(site, 2, x)]
    mapBy(site, z ? [x, s, z] : [x, s], (names) => code(names[0]!, names[1]!, names[2]), helpers)
    return
  }
  const axis = axisOfScales(site, x)
  const [length, blocks] = [x.dims[axis]!, scale.dims[axis]!]
  const size = site.node.int('block_size', 0) || Math.ceil(length / blocks)
  const inner = sizeOf(x.dims.slice(axis + 1))
  const body = `for (int32_t i = 0; i < ${sizeOf(x.dims)}; i++) {
  const int32_t s = (i / ${length * inner} * ${blocks} + i / ${inner} % ${length} / ${size}) * ${inner} + i % ${inner};
  y0[i] = ${code('a0[i]', 'a1[s]', zero && 'a2[s]')};
}`
  site.step({
    reads: zero ? [x, scale, zero] : [x, scale],
    writes: [site.output()],
    body,
    ...(helpers.length > 0 && { helpers }),
  })
}

/** The nearest code, of two the even one, without a call of the library; limits come first, so that it fits an integer. */
const CODED = `static int32_t coded(float x, int32_t zero, int32_t low, int32_t high)
{
  const float least = (float)(low - zero), most = (float)(high - zero);
  const float v = !(x > least) ? least : x < most ? x : most;
  const int32_t t = (int32_t)v, odd = t & 1;
  const float rest = v - (float)t;
  if (rest > 0.5f || (rest == 0.5f && odd)) return zero + t + 1;
  if (rest < -0.5f || (rest == -0.5f && odd)) return zero + t - 1;
  return zero + t;
}`

const quantize: Lower = (site) => {
  const x = site.input(0)
  const { dtype } = site.output()
  if (!cType(dtype) || isFloating(dtype)) site.fail(`has no C for codes of ${dtype}.`)
  if (x.dtype !== 'float32' && x.dtype !== 'int32')
    site.fail(`is only known for float32, not for ${x.dtype}.`)
  const [low, high] = integerRange(dtype)
  coded(
    site,
    x,
    (v, s, z) =>
      `(${cType(dtype)})coded((float)${v} / ${s}, ${z === undefined ? '0' : `(int32_t)${z}`}, ${low}, ${high})`,
    [CODED],
  )
}

const dequantize: Lower = (site) => {
  const x = site.input(0)
  if (site.output().dtype !== 'float32')
    site.fail(`is only known for float32, not for ${site.output().dtype}.`)
  coded(site, x, (v, s, z) =>
    z === undefined ? `(float)${v} * ${s}` : `(float)((int32_t)${v} - (int32_t)${z}) * ${s}`,
  )
}

const dynamic: Lower = (site) => {
  const x = site.input(0)
  const y = site.output()
  const scale = site.outputs[1] ?? site.temporary('float32', [])
  const zero = site.outputs[2] ?? site.temporary('uint8', [])
  const body = `float low = 0, high = 0;
for (int32_t i = 0; i < n; i++) {
  if (a0[i] < low) low = a0[i];
  if (a0[i] > high) high = a0[i];
}
const float s = high == low ? 1.0f : (high - low) / 255.0f;
const float z = fminf(255.0f, fmaxf(0.0f, rintf(-low / s)));
y1[0] = s;
y2[0] = (uint8_t)z;
for (int32_t i = 0; i < n; i++) y0[i] = (uint8_t)fminf(255.0f, fmaxf(0.0f, rintf(a0[i] / s) + z));`
  site.step({ reads: [x], writes: [y, scale, zero], params: [['n', sizeOf(x.dims)]], body })
}

/** Sums of products of codes less their zero points, in 32 bits. */
const matMulInteger: Lower = (site) => {
  const [a, b] = [site.input(0), site.input(1)]
  const y = site.output()
  if (a.dims.length < 2 || b.dims.length < 2) site.fail('multiplies vectors.')
  const [m, k, n] = [a.dims.at(-2)!, a.dims.at(-1)!, b.dims.at(-1)!]
  const batch = y.dims.slice(0, -2)
  const zeros = [site.inputs[2], site.inputs[3]]
  const reads = [a, b, ...zeros.filter((zero) => zero !== undefined)]
  const zero = (i: 0 | 1, per: string): string =>
    zeros[i] ? ` - a${reads.indexOf(zeros[i])}[${sizeOf(zeros[i].dims) > 1 ? per : '0'}]` : ''
  const steps = (dims: readonly number[], size: number): number =>
    broadcastStrides(dims.slice(0, -2), batch).some((stride) => stride > 0) ? size : 0
  const [left, right] = [steps(a.dims, m * k), steps(b.dims, k * n)]
  if (batch.filter((size) => size > 1).length > 1 && left !== right) site.fail('broadcasts batches.')
  const body = `for (int32_t b = 0; b < ${sizeOf(batch)}; b++)
  for (int32_t r = 0; r < ${m}; r++)
    for (int32_t c = 0; c < ${n}; c++) {
      int32_t t = 0;
      for (int32_t q = 0; q < ${k}; q++)
        t += (a0[b * ${left} + r * ${k} + q]${zero(0, 'r')}) * (a1[b * ${right} + q * ${n} + c]${zero(1, 'c')});
      y0[(b * ${m} + r) * ${n} + c] = t;
    }`
  site.step({ reads, writes: [y], body, macs: sizeOf(y.dims) * k })
}

export const QUANTIZE: Record<string, Lower> = {
  Cast: cast,
  CastLike: cast,
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamic,
  MatMulInteger: matMulInteger,
}
