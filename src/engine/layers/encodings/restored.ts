/** Weights that plain operators bring back when a model is loaded, as constants of its own for each layer. */
import { blocksOf } from '../../math/quantize/grouped'
import type { Layer } from '../layer'
import { readInstead } from '../rewrite'
import type { WeightForm } from './encoding'
import type { CodeStore, StoredCodes } from './store'
import type { WeightCodes } from './values'

/** Codes as floats, [rows, blocks, padded]. */
export function unpackedCodes(store: CodeStore, codes: StoredCodes, name: string): string {
  const shape = store.ints([codes.rows, -1, codes.padded])
  return store.joined(codes, name, (plane) =>
    store.op('Reshape', [store.unpack(plane.name, plane.bits, name), shape], `${name}_plane`),
  )
}

/** [rows, blocks, padded] → the weight with its rows first, in its own dtype; the filling is cut off. */
export function shapedRows(store: CodeStore, value: string, codes: StoredCodes, layer: Layer): string {
  const { weight: name, tensor } = layer
  const { rows, cols, padded } = codes
  const width = blocksOf(codes) * padded
  let out = value
  if (width !== cols)
    out = store.cut(
      store.op('Reshape', [out, store.ints([rows, width])], `${name}_rows`),
      cols,
      1,
      `${name}_cut`,
    )
  out = store.op('Reshape', [out, store.ints(rowsFirst(layer))], `${name}_float`)
  return tensor.dtype === 'float32' ? out : store.cast(out, tensor.dtype, `${name}_${tensor.dtype}`)
}

/** Dims of the weight with its rows first. */
function rowsFirst({ node, tensor, geometry: { rows, turned } }: Layer): number[] {
  if (node.is('Gemm')) return [rows, tensor.size / rows]
  return turned ? [rows, ...tensor.dims.slice(0, -1)] : [...tensor.dims]
}

/** Writes the operators that give a weight with its rows first, once for all its readers, and makes a layer read it. */
export const writeRestored =
  (restored: (store: CodeStore, layer: Layer, weight: WeightCodes) => string): WeightForm['write'] =>
  (store, layer, weight, input) => {
    layer.node.inputs[layer.type.input] = input
    readRestored(
      store,
      layer,
      store.once(weight, 'restored', () => restored(store, layer, weight)),
    )
  }

function readRestored(store: CodeStore, layer: Layer, value: string): void {
  const { node, weight, tensor, geometry } = layer
  if (node.is('Gemm')) node.set('transB', { int: 1 })
  else if (geometry.turned) {
    const order = tensor.dims.map((_, i) => i)
    const perm = { ints: [...order.slice(1), 0] }
    return readInstead(layer, store.op('Transpose', [value], `${weight}_turned`, { perm }))
  }
  readInstead(layer, value)
}
