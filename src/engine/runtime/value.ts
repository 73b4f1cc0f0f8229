/** Tensors as they go in and out of ONNX Runtime. */
import type { DType } from '../onnx'
import { decode, ELEMENT_ARRAYS, type NumericArray } from '../onnx/numeric'
import { sizeOf, Tensor } from '../onnx/tensor'
import { ort, type Tensor as OrtTensor } from './ort'

export type ValueData = NumericArray | string[]

/** A value with its shape. float16 and bfloat16 data are their bits in a Uint16Array. */
export interface Value {
  dtype: DType
  dims: readonly number[]
  data: ValueData
}

export type Values = Record<string, Value>

/** Element types that go in and out of ONNX Runtime here; fetching another one would end the process. */
export const EXCHANGED: ReadonlySet<string> = new Set([
  ...['float16', 'float32', 'float64', 'bool', 'string'],
  ...['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'],
])

export const float32 = (dims: readonly number[], data: Float32Array): Value => ({
  dtype: 'float32',
  dims,
  data,
})

export const int64 = (dims: readonly number[], data: readonly number[] | BigInt64Array): Value => ({
  dtype: 'int64',
  dims,
  data: data instanceof BigInt64Array ? data : BigInt64Array.from(data, BigInt),
})

/** A constant of a model as a runtime value. */
export function fromTensor(tensor: Tensor): Value {
  if (tensor.dtype === 'string') return { dtype: 'string', dims: tensor.dims, data: [...tensor.strings()] }
  if (tensor.dtype === 'float16' || tensor.dtype === 'bfloat16')
    return { dtype: tensor.dtype, dims: tensor.dims, data: new Uint16Array(tensor.bytes().slice().buffer) }
  return { dtype: tensor.dtype, dims: tensor.dims, data: tensor.values() as ValueData }
}

/** A runtime value as a constant. */
export function toTensor(value: Value): Tensor {
  if (Array.isArray(value.data)) return Tensor.fromStrings(value.dims, value.data)
  const { buffer, byteOffset, byteLength } = value.data
  return Tensor.fromBytes(
    value.dtype,
    value.dims,
    new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  )
}

/** Elements as float32 numbers, whatever numeric type they have. May share memory with `value`. */
export function floatsOf(value: Value): Float32Array {
  const { data, dtype } = value
  if (data instanceof Float32Array) return data
  if (Array.isArray(data)) throw new TypeError('a string value has no numbers')
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number)
  if (dtype === 'float16' || dtype === 'bfloat16')
    return decode(
      dtype,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      data.length,
    ) as Float32Array
  return Float32Array.from(data)
}

/** The form ONNX Runtime takes. */
export const toOrt = (value: Value): OrtTensor =>
  new ort.Tensor(value.dtype as OrtTensor.Type, value.data as never, value.dims)

export function fromOrt(tensor: OrtTensor): Value {
  const data = tensor.data as unknown as ValueData
  // Engines with a Float16Array get one; here float16 is its bits.
  const bits =
    tensor.type === 'float16' && !Array.isArray(data) && !(data instanceof Uint16Array)
      ? new Uint16Array(data.buffer, data.byteOffset, data.length)
      : data
  return { dtype: tensor.type as DType, dims: tensor.dims, data: bits }
}

/** Rows `from` (inclusive) to `to` (exclusive) along the first axis; shares memory. */
export function sliceRows(value: Value, from: number, to: number): Value {
  const row = sizeOf(value.dims.slice(1))
  const data = Array.isArray(value.data)
    ? value.data.slice(from * row, to * row)
    : (value.data.subarray(from * row, to * row) as ValueData)
  return { dtype: value.dtype, dims: [to - from, ...value.dims.slice(1)], data }
}

type Elements = new (length: number) => Float32Array

const emptyLike = (value: Value, length: number): Float32Array =>
  new (value.data.constructor as Elements)(length)

export function zeros(dtype: DType, dims: readonly number[]): Value {
  const size = sizeOf(dims)
  if (dtype === 'string') return { dtype, dims, data: new Array<string>(size).fill('') }
  return { dtype, dims, data: new ((ELEMENT_ARRAYS[dtype] ?? Uint8Array) as unknown as Elements)(size) }
}

/**
 * Values stacked along the first axis; all must agree in dtype and rank. Where rows differ in size, as those
 * of detectors do, the smaller ones end in zeros.
 */
export function concatRows(values: readonly Value[]): Value {
  const [first] = values
  if (!first) throw new RangeError('nothing to concatenate')
  if (values.length === 1) return first
  const row = first.dims.slice(1).map((_, axis) => Math.max(...values.map(({ dims }) => dims[axis + 1]!)))
  const dims = [values.reduce((n, v) => n + v.dims[0]!, 0), ...row]
  const whole = values.map((value) => padded(value, row))
  if (Array.isArray(first.data)) return { ...first, dims, data: whole.flatMap((v) => v.data as string[]) }
  const data = emptyLike(first, sizeOf(dims))
  let at = 0
  for (const value of whole) {
    data.set(value.data as Float32Array, at)
    at += (value.data as Float32Array).length
  }
  return { dtype: first.dtype, dims, data }
}

/** Both with rows as large as the larger ones, where their ranks agree. */
export function aligned(a: Value, b: Value): [Value, Value] {
  const row = a.dims.slice(1).map((dim, axis) => Math.max(dim, b.dims[axis + 1]!))
  return [padded(a, row), padded(b, row)]
}

/** Rows of the shape `row`, which is nowhere smaller than theirs; what is new is zero. */
function padded(value: Value, row: readonly number[]): Value {
  if (value.dims.slice(1).every((dim, axis) => dim === row[axis])) return value
  const out = zeros(value.dtype, [value.dims[0]!, ...row])
  const from = stridesOf(value.dims)
  const to = stridesOf(out.dims)
  const size = sizeOf(value.dims)
  for (let i = 0; i < size; i++) {
    let at = 0
    for (let axis = 0, rest = i; axis < from.length; rest %= from[axis]!, axis++)
      at += Math.floor(rest / from[axis]!) * to[axis]!
    ;(out.data as Float32Array)[at] = (value.data as Float32Array)[i]!
  }
  return out
}

const stridesOf = (dims: readonly number[]): number[] => dims.map((_, axis) => sizeOf(dims.slice(axis + 1)))

/** The same elements with one axis moved to another place, the others in their order. */
export function moveAxis(value: Value, from: number, to: number): Value {
  if (from === to) return value
  const order = value.dims.map((_, axis) => axis).filter((axis) => axis !== from)
  order.splice(to, 0, from)
  const dims = order.map((axis) => value.dims[axis]!)
  const strides = stridesOf(value.dims)
  const out = zeros(value.dtype, dims)
  const index = dims.map(() => 0)
  for (let i = 0, at = 0; i < value.data.length; i++) {
    ;(out.data as Float32Array)[i] = (value.data as Float32Array)[at]!
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += strides[order[axis]!]!
      if (++index[axis]! < dims[axis]!) break
      at -= strides[order[axis]!]! * dims[axis]!
      index[axis] = 0
    }
  }
  return { ...out, dims }
}

/** Copies of some rows of the first axis, in the order given. */
export function pickRows(value: Value, rows: readonly number[]): Value {
  const width = sizeOf(value.dims.slice(1))
  const dims = [rows.length, ...value.dims.slice(1)]
  if (Array.isArray(value.data)) {
    const { data } = value
    return {
      dtype: value.dtype,
      dims,
      data: rows.flatMap((row) => data.slice(row * width, (row + 1) * width)),
    }
  }
  const source = value.data as Float32Array
  const data = emptyLike(value, rows.length * width)
  rows.forEach((row, i) => data.set(source.subarray(row * width, (row + 1) * width), i * width))
  return { dtype: value.dtype, dims, data }
}
