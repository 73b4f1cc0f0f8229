import { distinctValues, encodeGaps } from '../../math/gap-code'
import { sizeOf, Tensor } from '../../onnx'
import { defineEncoding } from './encoding'
import { castTo, node } from './nodes'

export const gapCodes = defineEncoding({
  id: 'gap-codes',
  title: 'Table, codes and gaps between nonzeros',
  summary: 'Only the elements that are not zero: their distances from each other, and their codes.',
  sources: ['arXiv:1510.00149', 'ONNX CumSum, ScatterElements'],
  tensors: {
    opset: 11,
    exact: true,
    store(tensor) {
      const found = distinctValues(tensor.floats())
      const zero = found ? found.table.indexOf(0) : -1
      if (!found || zero < 0) return undefined
      const { gaps, codes } = encodeGaps(found.codes, zero)
      if (gaps.length === 0) return undefined
      return {
        constants: {
          table: Tensor.float32([found.table.length], found.table),
          gaps: Tensor.fromBytes('uint8', [gaps.length], gaps),
          codes: Tensor.fromBytes('uint8', [codes.length], codes),
          axis: Tensor.of('int32', [], [0]),
          size: Tensor.int64([sizeOf(tensor.dims)]),
          shape: Tensor.int64(tensor.dims),
        },
        nodes({ table, gaps: distances, codes: entries, axis, size, shape }, output, fresh) {
          const [steps, places, indices, values, empty, flat] = ['g', 'p', 'i', 'v', 'z', 'f'].map(fresh) as [
            string,
            string,
            string,
            string,
            string,
            string,
          ]
          return [
            castTo('int32', distances!, steps),
            node('CumSum', [steps, axis!], places),
            castTo('int32', entries!, indices),
            node('Gather', [table!, indices], values),
            node('ConstantOfShape', [size!], empty),
            node('ScatterElements', [empty, places, values], flat),
            node('Reshape', [flat, shape!], output),
          ]
        },
      }
    },
  },
})
