/** Tensors as they go in and out of ONNX Runtime. */
import type { DType } from '../onnx'
import { decode, type NumericArray } from '../onnx/numeric'
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

/**
 * The form ONNX Runtime takes. float16 goes in as bits with `location: 'cpu'`: the plain constructor wants a
 * Float16Array where the engine has one and then refuses its size.
 */
export function toOrt(value: Value): OrtTensor {
  if (value.dtype === 'float16') {
    const options = { type: 'float16', data: value.data, dims: value.dims, location: 'cpu' }
    return new (ort.Tensor as unknown as new (options: unknown) => OrtTensor)(options)
  }
  return new ort.Tensor(value.dtype as OrtTensor.Type, value.data as never, value.dims)
}

export function fromOrt(tensor: OrtTensor): Value {
  const data = tensor.data as unknown as ValueData
  return { dtype: tensor.type as DType, dims: tensor.dims, data }
}

/** Rows `from` (inclusive) to `to` (exclusive) along the first axis; shares memory. */
export function sliceRows(value: Value, from: number, to: number): Value {
  const row = sizeOf(value.dims.slice(1))
  const data = Array.isArray(value.data)
    ? value.data.slice(from * row, to * row)
    : (value.data.subarray(from * row, to * row) as ValueData)
  return { dtype: value.dtype, dims: [to - from, ...value.dims.slice(1)], data }
}

/** Values stacked along the first axis. All must agree in dtype and in their other dimensions. */
export function concatRows(values: readonly Value[]): Value {
  const [first] = values
  if (!first) throw new RangeError('nothing to concatenate')
  const dims = [values.reduce((n, v) => n + v.dims[0]!, 0), ...first.dims.slice(1)]
  if (Array.isArray(first.data)) return { ...first, dims, data: values.flatMap((v) => v.data as string[]) }
  const type = first.data.constructor as new (length: number) => Float32Array
  const data = new type(sizeOf(dims))
  let at = 0
  for (const value of values) {
    data.set(value.data as Float32Array, at)
    at += (value.data as Float32Array).length
  }
  return { dtype: first.dtype, dims, data }
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
  const data = new (source.constructor as new (length: number) => Float32Array)(rows.length * width)
  rows.forEach((row, i) => data.set(source.subarray(row * width, (row + 1) * width), i * width))
  return { dtype: value.dtype, dims, data }
}
