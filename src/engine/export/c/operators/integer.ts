/**
 * Layers between codes: sums of products in 32 bits, then one multiplication by a fixed-point number and a shift.
 * Source: arXiv:1712.05877, section 2.2.
 */
import { sizeOf } from '../../../onnx'
import type { Arithmetic } from '../kernels/arithmetic'
import type { Lower, Site } from '../lowering'
import type { Buffer } from '../program'
import { cType } from '../types'
import { integerWeightsOf, type Weights } from '../weights'
import { isPadded, planeLoops, planeMacs, planeOf, planeParams } from './convolution'
import { productBody, sumsOf, weightOperands } from './product'
import { windowOf } from './window'

/** multiplier · 2^−shift, the multiplier within 31 bits. */
export function fixedPoint(real: number): { multiplier: number; shift: number } {
  if (!(real > 0)) return { multiplier: 0, shift: 1 }
  let exponent = Math.floor(Math.log2(real)) + 1
  let multiplier = Math.round(real * 2 ** (31 - exponent))
  if (multiplier === 2 ** 31) [multiplier, exponent] = [2 ** 30, exponent + 1]
  const shift = 31 - exponent
  // So small that every sum becomes nothing, or so large that none fits.
  if (shift > 62) return { multiplier: 0, shift: 1 }
  return shift < 1 ? { multiplier: 2 ** 31 - 1, shift: 1 } : { multiplier, shift }
}

/** A shift of a negative number is left to the compiler; all there are round towards minus infinity. */
const SCALED = `static int32_t scaled_whole(int32_t value, int32_t multiplier, int32_t shift)
{
  const int64_t product = (int64_t)value * multiplier + ((int64_t)1 << (shift - 1));
  return (int32_t)(product >> shift);
}`

/** The same from the upper half of the product alone, where half of what is shifted out lies in that; shifts less HALF. */
const SCALED_BY_HALF = `static int32_t scaled(int32_t value, int32_t multiplier, int32_t shift)
{
  const int32_t high = (int32_t)(((int64_t)value * multiplier) >> 32);
  return (high + ((int32_t)1 << shift)) >> (shift + 1);
}`
const HALF = 33

interface Layer {
  weights: Weights
  /** Codes, bias, multipliers, shifts: the first reads. */
  reads: Buffer[]
  arithmetic: Arithmetic
  params: (readonly [string, number])[]
  helpers: string[]
}

/** Reads before those of the weight. */
const FIRST = 4

/** Bias less what the zero point of the input adds to each sum; undefined where sums of codes as they are could overflow. */
function foldedBias(
  codes: Int8Array,
  bias: readonly number[],
  zero: number,
  most: number,
): number[] | undefined {
  const inputs = codes.length / bias.length
  const folded: number[] = []
  for (const [o, one] of bias.entries()) {
    let [sum, size] = [0, 0]
    for (let i = o * inputs; i < (o + 1) * inputs; i++) {
      sum += codes[i]!
      size += Math.abs(codes[i]!)
    }
    if (Math.abs(one) + (Math.abs(zero) + most) * size >= 2 ** 31) return undefined
    folded.push(one - zero * sum)
  }
  return folded
}

/** `padded`: windows reach beyond the input, where no zero point is to be taken off. */
function layerOf(site: Site, padded: boolean): Layer {
  const { node } = site
  const [x, y] = [site.input(0), site.output()]
  const codes = site.constant(1)!.values() as Int8Array
  const { name } = site.input(1)
  const weights = integerWeightsOf(site, name, codes, FIRST)
  const points = node
    .floats('multipliers')!
    .map(fixedPoint)
    .map((point) => (point.multiplier === 0 ? { ...point, shift: HALF } : point))
  const at = (o: string): string => (points.length > 1 ? o : '0')
  const isHalf = points.every(({ shift }) => shift >= HALF)
  const multipliers = points.map(({ multiplier }) => multiplier)
  const shifts = points.map(({ shift }) => (isHalf ? shift - HALF : shift))
  const type = cType(y.dtype)!
  const zero = node.int('xZero', 0)
  const folded =
    zero === 0
      ? undefined
      : foldedBias(codes, site.constant(2)!.numbers(), zero, x.dtype === 'int8' ? 128 : 255)
  const isFolded = folded !== undefined && !padded
  const isEdged = folded !== undefined && padded && 'dense' in weights
  const bias = site.input(2)
  return {
    weights,
    reads: [
      x,
      isFolded ? site.fixed(bias.name, 'int32', bias.dims, folded) : bias,
      site.fixed(`multipliers of ${name}`, 'int32', [points.length], multipliers),
      site.fixed(`shifts of ${name}`, 'uint8', [points.length], shifts),
    ],
    params: (['xz', 'yz', 'lo', 'hi'] as const).map((param, i) => [
      param,
      node.int(['xZero', 'yZero', 'low', 'high'][i]!, 0),
    ]),
    arithmetic: {
      element: cType(x.dtype)!,
      sum: 'int32_t',
      channel: (o) => `const int32_t multiplier = a2[${at(o)}], shift = a3[${at(o)}];`,
      first: (o) => `a1[${o}]`,
      value: (element) => (zero === 0 || isFolded || isEdged ? element : `(${element} - xz)`),
      store: (
        t,
        index,
        array = 'y0',
      ) => `${t} = ${isHalf ? 'scaled' : 'scaled_whole'}(${t}, multiplier, shift) + yz;
${array}[${index}] = (${type})(${t} < lo ? lo : ${t} > hi ? hi : ${t});`,
      ...(isEdged && { zeroPoint: 'xz' }),
    },
    helpers: [isHalf ? SCALED_BY_HALF : SCALED],
  }
}

const conv: Lower = (site) => {
  const [x, w, y] = [site.input(0), site.input(1), site.output()]
  const window = windowOf(site.node, x.dims.slice(2), y.dims.slice(2), w.dims.slice(2))
  const plane =
    planeOf(x, y, site.node.int('group', 1), window) ?? site.fail('has more than two spatial axes.')
  const { weights, reads, params, arithmetic, helpers } = layerOf(site, isPadded(plane))
  const {
    reads: codes,
    params: more,
    scratch,
  } = weightOperands(site, weights, plane.outHeight * plane.outWidth, 'int32')
  site.step({
    op: 'sparse' in weights ? 'sparse_conv_int' : 'conv_int',
    reads: [...reads, ...codes],
    writes: [y],
    params: [...planeParams(plane), ...params, ...more],
    ...planeLoops(site, weights, arithmetic, plane, scratch),
    helpers,
    macs: planeMacs(plane),
  })
}

const product: Lower = (site) => {
  const [x, w] = [site.input(0), site.input(1)]
  const [outputs, inputs] = w.dims as [number, number]
  const rows = sizeOf(x.dims) / inputs
  const { weights, reads, params, arithmetic, helpers } = layerOf(site, false)
  const { reads: codes, params: more, scratch } = weightOperands(site, weights, sumsOf(rows), 'int32')
  site.step({
    op: 'sparse' in weights ? 'sparse_product_int' : 'product_int',
    reads: [...reads, ...codes],
    writes: [site.output()],
    params: [['rows', rows], ['outputs', outputs], ['inputs', inputs], ...params, ...more],
    body: productBody(weights, arithmetic, { rows, outputs, inputs }),
    helpers,
    macs: rows * inputs * outputs,
    ...(scratch && { scratch }),
  })
}

const table: Lower = (site) => {
  const [x, values, y] = [site.input(0), site.input(1), site.output()]
  const body = 'for (int32_t i = 0; i < n; i++) y0[i] = a1[(uint8_t)a0[i]];'
  const inPlace = x.dtype === y.dtype ? [0] : []
  site.step({ reads: [x, values], writes: [y], params: [['n', sizeOf(y.dims)]], body, inPlace })
}

export const INTEGER: Record<string, Lower> = {
  'pare.Conv': conv,
  'pare.Product': product,
  'pare.Table': table,
}
