import { distinctValues } from '../../math/gap-code'
import { Tensor } from '../../onnx'
import { defineEncoding } from './encoding'
import { castTo, node } from './nodes'

export const valueTable = defineEncoding({
  id: 'value-table',
  title: 'Table and codes',
  summary: 'At most 256 different values in a table, and a byte an element that points into it.',
  sources: ['arXiv:1510.00149', 'ONNX Gather'],
  tensors: {
    opset: 1,
    exact: true,
    store(tensor) {
      const found = distinctValues(tensor.floats())
      if (!found) return undefined
      return {
        constants: {
          table: Tensor.float32([found.table.length], found.table),
          codes: Tensor.fromBytes('uint8', tensor.dims, found.codes),
        },
        nodes({ table, codes }, output, fresh) {
          const indices = fresh('i')
          return [castTo('int32', codes!, indices), node('Gather', [table!, indices], output)]
        },
      }
    },
  },
})
