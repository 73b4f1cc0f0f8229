import { Tensor } from '../../onnx'
import type { Layer } from '../layer'
import { defineEncoding } from './encoding'
import type { WeightCodes } from './values'
import { writeRestored, shapedRows, unpackedCodes } from './restored'
import type { CodeStore } from './store'
import { codeBytes } from './values'

function restored(store: CodeStore, layer: Layer, weight: WeightCodes): string {
  const { graph } = store
  const name = layer.weight
  const { rows, bits } = weight
  const values = weight.codebook!
  const size = 2 ** bits
  const perRow = values.length > size
  let book = graph.addInitializer(
    `${name}_codebook`,
    Tensor.float32(perRow ? [rows, size] : [values.length], values),
  )
  const stored = store.addCodes(name, weight)
  let codes = unpackedCodes(store, stored, name)
  if (perRow) {
    const offsets = Float32Array.from({ length: rows }, (_, r) => r * size)
    const offset = graph.addInitializer(`${name}_rows`, Tensor.float32([rows, 1, 1], offsets))
    codes = store.op('Add', [codes, offset], `${name}_row_codes`)
    book = store.op('Reshape', [book, store.ints([-1])], `${name}_books`)
  }
  return shapedRows(store, store.lookUp(book, codes, name), stored, layer)
}

export const codebook = defineEncoding({
  id: 'codebook',
  title: 'Codebook',
  summary:
    'Packed codes that point into a list of shared float values, one list a tensor or a row; plain operators restore the weight when the model is loaded.',
  sources: ['arXiv:1510.00149', 'ONNX Gather'],
  weights: [
    {
      storage: 'plain',
      words: 'restored when loaded',
      fits: (_, weight) => weight.codebook !== undefined,
      bytes: (weight) => codeBytes(weight) + 4 * weight.codebook!.length,
      write: writeRestored(restored),
    },
  ],
})
