/**
 * Depthwise convolutions of small planes as dense layers: channel c takes its input plane to its output plane by the
 * matrix Σ over taps k of w[c, k] · taps[k], each `taps[k]` a constant 0/1 matrix. Most entries of these matrices are
 * zeros, and they are still quicker than a convolution with one channel a group, which ONNX Runtime does plane by
 * plane. Nothing is padded or cut into windows, and its matrix product reads batches with their channels in place
 * (com.microsoft FusedMatMul, `transBatchA`).
 */
import { sizeOf } from '../../onnx'
import { range, type Tape } from './tape'
import { spans, type Windows } from '../../layers/windows'

export interface ConvDims {
  x: readonly number[]
  w: readonly number[]
  y: readonly number[]
}

/** Rows of a plane or of a group of rows of it. */
interface Rows {
  from: number
  count: number
}

/**
 * 0/1 matrices [taps, positions of `out` · positions of `into`]: one where a tap takes an input to an output. Rows
 * of `into` are counted from row `origin` of the plane.
 */
function taps(t: Tape, dims: ConvDims, w: Windows, out: Rows, into: Rows, origin: number): string {
  const [width, wide] = [dims.x[3]!, dims.y[3]!]
  const [tall, long] = w.kernel as [number, number]
  const inside = into.count * width
  const matrices = new Float32Array(tall * long * out.count * wide * inside)
  let at = 0
  for (let ky = 0; ky < tall; ky++)
    for (let kx = 0; kx < long; kx++)
      for (let y = 0; y < out.count; y++)
        for (let x = 0; x < wide; x++, at += inside) {
          const source = (out.from + y) * w.strides[0]! - w.before[0]! + ky * w.dilations[0]!
          const row = source - origin - into.from
          const column = x * w.strides[1]! - w.before[1]! + kx * w.dilations[1]!
          if (row >= 0 && row < into.count && column >= 0 && column < width)
            matrices[at + row * width + column] = 1
        }
  return t.floats([tall * long, out.count * wide * inside], matrices)
}

/** Products of planes up to this many positions by positions were measured to be quicker than a convolution. */
const DENSE = 4096

/** True where the matrices of all channels cost less than what they save: they are written once a batch. */
export const fewPositions = (dims: ConvDims): boolean =>
  sizeOf(dims.x.slice(2)) * sizeOf(dims.y.slice(2)) <= Math.min(DENSE, 256 * dims.x[0]!)

/** Gradient of the input [N, C, H, W] from that of the output and the weight [C, 1, kernel]. */
export function depthwiseInputGradient(
  t: Tape,
  dy: string,
  weight: string,
  dims: ConvDims,
  w: Windows,
): string {
  const [batch, channels, height, width] = dims.x as [number, number, number, number]
  const points = sizeOf(dims.y.slice(2))
  const whole = taps(t, dims, w, { from: 0, count: dims.y[2]! }, { from: 0, count: height }, 0)
  const matrices = t.op('MatMul', [t.reshape(weight, [channels, sizeOf(w.kernel)]), whole])
  const gradient = t.transpose(t.reshape(dy, [batch, channels, points]), [1, 0, 2])
  const product = t.op('MatMul', [gradient, t.reshape(matrices, [channels, points, height * width])])
  return t.reshape(t.transpose(product, [1, 0, 2]), dims.x)
}

/** Positions of a group of rows up to which products of all its positions were measured to pay, at stride 1. */
const GROUP = 64

/** Widest output plane cut into groups of rows, at stride 1 and above: wider ones take products of single rows. */
const NARROW = 12
const NARROW_STRIDED = 32

/** Rows of the output plane to take together in `depthwiseWeightGradient`; undefined where it does not pay. */
export function rowsTogether(dims: ConvDims, w: Windows): number | undefined {
  const [tall, wide] = dims.y.slice(2) as [number, number]
  const stride = Math.max(...w.strides)
  const even = dims.x[2] === tall * w.strides[0]!
  if (even && wide <= (stride > 1 ? NARROW_STRIDED : NARROW)) {
    const fits = range(tall + 1).filter((rows) => tall % rows === 0 && rows * wide <= GROUP / stride)
    const most = fits.at(-1) ?? 0
    if (most > 1 || (most === 1 && stride > 1)) return most
  }
  return tall * wide <= GROUP ? tall : undefined
}

/**
 * Gradient of the weight [C, 1, kernel]. The output plane is cut into groups of `together` rows, the input into
 * groups of the rows these come from. A group of outputs meets its own group of inputs in one product of all their
 * positions, and those of its neighbours' rows that its windows reach in small ones.
 */
export function depthwiseWeightGradient(
  t: Tape,
  x: string,
  dy: string,
  dims: ConvDims,
  w: Windows,
  together: number,
): string {
  const [batch, channels, height, width] = dims.x as [number, number, number, number]
  const [tall, wide] = dims.y.slice(2) as [number, number]
  const groups = tall / together
  const stride = w.strides[0]!
  const under = groups === 1 ? height : together * stride
  const span = spans(w)[0]!

  /** Some rows of some groups, as [N, C · groups, positions]. */
  const cut = (value: string, each: number, length: number, of: Rows, rows: Rows): string => {
    const split = t.reshape(value, [batch, channels, groups, each * length])
    const whole = of.count === groups && rows.count === each
    const [from, to] = [rows.from * length, (rows.from + rows.count) * length]
    const some = whole ? split : t.slice(split, [2, 3], [of.from, from], [of.from + of.count, to])
    return t.reshape(some, [batch, channels * of.count, rows.count * length])
  }

  /** What the groups of outputs get from the groups of inputs `away` groups further, as [C, taps]. */
  const meet = (away: number): string | undefined => {
    const origin = away * under
    const windows = range(together).map((row) => row * stride - w.before[0]! - origin)
    const reaching = range(together).filter((row) => windows[row]! + span > 0 && windows[row]! < under)
    if (reaching.length === 0) return undefined
    const out = { from: reaching[0]!, count: reaching.length }
    const first = Math.max(0, windows[out.from]!)
    const into = { from: first, count: Math.min(under, windows[reaching.at(-1)!]! + span) - first }
    const count = groups - Math.abs(away)
    const from = Math.max(0, -away)
    const gradient = t.transpose(cut(dy, together, wide, { from, count }, out), [1, 2, 0])
    const image = t.transpose(cut(x, under, width, { from: from + away, count }, into), [1, 0, 2])
    const product = t.op('MatMul', [gradient, image])
    const area = out.count * wide * into.count * width
    const sum = t.reduceSum(t.reshape(product, [channels, count, area]), [1], false)
    return t.op('MatMul', [sum, t.transpose(taps(t, dims, w, out, into, origin), [1, 0])])
  }
  const parts = range(2 * groups - 1).flatMap((i) => meet(i - groups + 1) ?? [])
  return t.reshape(parts.reduce(t.add), dims.w)
}
