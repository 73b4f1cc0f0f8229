/** NPY files, version 1.0. Source: numpy.lib.format. */
import type { DType } from '../onnx'
import type { Value } from '../runtime/value'

const DESCRIPTIONS: Partial<Record<DType, string>> = {
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
  int8: '|i1',
  uint8: '|u1',
  int16: '<i2',
  uint16: '<u2',
  int32: '<i4',
  uint32: '<u4',
  int64: '<i8',
  uint64: '<u8',
  bool: '|b1',
  // NumPy has no bfloat16: its bits.
  bfloat16: '<u2',
}

/** The value as an NPY file. Throws TypeError for dtypes NumPy does not know. */
export function encodeNpy({ dtype, dims, data }: Value): Buffer {
  const description = DESCRIPTIONS[dtype]
  if (!description || Array.isArray(data)) throw new TypeError(`${dtype} cannot be written as NPY`)
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ')
  const text = `{'descr': '${description}', 'fortran_order': False, 'shape': (${shape}), }`
  // Magic, version and length take 10 bytes; the data begins at a multiple of 64.
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n'
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${padded}`, 'latin1')
  head.writeUInt16LE(padded.length, 8)
  return Buffer.concat([head, Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
}
