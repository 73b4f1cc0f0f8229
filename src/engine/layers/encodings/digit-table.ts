import { digitsPerByte, digitTable, packDigits } from '../../math/digits'
import { distinctValues } from '../../math/gap-code'
import { sizeOf, Tensor } from '../../onnx'
import { defineEncoding } from './encoding'
import { castTo, node } from './nodes'

/** Values a table may have for two or more codes to fit a byte. */
const MOST = 16

/** Deflate works on bytes, and spends half a bit a weight more on codes that come one a byte. */
export const digitCodes = defineEncoding({
  id: 'digit-table',
  title: 'Table and several codes a byte',
  summary: 'At most 16 different values in a table, and several codes a byte as the digits of a number.',
  sources: ['arXiv:1510.00149', 'ONNX Gather, Slice', 'RFC 1951'],
  tensors: {
    // Slice takes its limits as inputs from here on.
    opset: 10,
    exact: true,
    store(tensor) {
      const found = distinctValues(tensor.floats())
      if (!found || found.table.length < 2 || found.table.length > MOST) return undefined
      const base = found.table.length
      const perByte = digitsPerByte(base)
      const size = sizeOf(tensor.dims)
      const padded = Math.ceil(size / perByte) * perByte
      return {
        constants: {
          table: Tensor.float32([base], found.table),
          codes: Tensor.fromBytes('uint8', [padded / perByte], packDigits(found.codes, base)),
          // Equal for every tensor of so many values, and then stored once.
          digits: Tensor.of('int32', [base ** perByte, perByte], digitTable(base)),
          shape: Tensor.int64(tensor.dims),
          ...(padded > size && {
            flat: Tensor.int64([-1]),
            start: Tensor.int64([0]),
            end: Tensor.int64([size]),
          }),
        },
        nodes({ table, codes, digits, shape, flat, start, end }, output, fresh) {
          const [bytes, indices, values] = ['b', 'i', 'v'].map(fresh) as [string, string, string]
          const nodes = [
            castTo('int32', codes!, bytes),
            node('Gather', [digits!, bytes], indices),
            node('Gather', [table!, indices], values),
          ]
          if (!flat) return [...nodes, node('Reshape', [values, shape!], output)]
          const [row, cut] = ['r', 'c'].map(fresh) as [string, string]
          return [
            ...nodes,
            node('Reshape', [values, flat], row),
            node('Slice', [row, start!, end!], cut),
            node('Reshape', [cut, shape!], output),
          ]
        },
      }
    },
  },
})
