/**
 * Low-bit weights in the standard's own form, DequantizeLinear on 2-, 4- and 8-bit integers, by blocks or by
 * rows: what converters and runtimes other than ONNX Runtime read. ONNX Runtime does not fold it at load; on
 * CPUs it turns the one before a MatMul into a MatMulNBits of accuracy level 4 (activations rounded to int8)
 * unless `session.qdq_matmulnbits_accuracy_level` says otherwise, and runs the others each time.
 * Sources: ONNX DequantizeLinear 13, 21 (blocks, 4 bits), 25 (2 bits); ONNX Runtime session configuration keys.
 */
import { blocksOf, type GroupedCodes } from '../../math/quantize/grouped'
import { transposed } from '../../math/quantize/rows'
import { packBits, Tensor, type DType, type Graph } from '../../onnx'
import type { Layer } from '../../layers/layer'

type StandardBits = 2 | 4 | 8

/** An embedding is not: all its rows would be restored at each run. */
export const fitsDequantizeLinear = ({ node, tensor }: Layer, bits: number): boolean =>
  [2, 4, 8].includes(bits) && tensor.dtype === 'float32' && !node.is('Gather')

/** The operator set that knows these integers, and blocks of them. */
export function opsetFor(grouped: GroupedCodes): number {
  if (grouped.bits === 2) return 25
  return grouped.bits === 4 || blocksOf(grouped) > 1 ? 21 : 13
}

/** Adds constants and the operator; gives the value, float32 of the weight's own dims. */
export function addDequantized(graph: Graph, layer: Layer, grouped: GroupedCodes): string {
  const { weight, tensor } = layer
  const { rows, cols, block } = grouped
  const bits = grouped.bits as StandardBits
  const blocks = blocksOf(grouped)
  const { turned } = layer.geometry
  // Blocks run along a flat row; a scale a row needs no such detour.
  const dims = blocks > 1 ? (turned ? [cols, rows] : [rows, cols]) : [...tensor.dims]
  const laid = <T extends Uint8Array | Float32Array>(values: T, width: number): T =>
    turned ? (transposed(values, rows, width) as T) : values
  const middle = 2 ** (bits - 1)
  const signed = grouped.zeros.every((zero) => zero === middle)
  const dtype = `${signed ? '' : 'u'}int${bits}` as DType
  const integers = (name: string, shape: readonly number[], codes: Uint8Array): string =>
    graph.addInitializer(name, Tensor.fromBytes(dtype, shape, bits === 8 ? codes : packBits(codes, bits)))
  const codes = signed ? centred(grouped.codes, bits) : grouped.codes
  const shape = blocks === 1 ? [rows] : turned ? [blocks, rows] : [rows, blocks]
  const inputs = [
    integers(`${weight}_q${bits}`, dims, laid(codes, cols)),
    graph.addInitializer(`${weight}_scale`, Tensor.float32(shape, laid(grouped.scales, blocks))),
  ]
  if (!signed) inputs.push(integers(`${weight}_zero`, shape, laid(Uint8Array.from(grouped.zeros), blocks)))
  const axis = blocks > 1 ? (turned ? 0 : 1) : turned ? dims.length - 1 : 0
  const value = graph.freshName(`${weight}_dequantized`)
  graph.addNode({
    opType: 'DequantizeLinear',
    name: graph.freshName(`${weight}_dq`),
    inputs,
    outputs: [value],
    attributes: { axis: { int: axis }, ...(blocks > 1 && { block_size: { int: block } }) },
  })
  return dims.length === tensor.dims.length ? value : reshaped(graph, weight, value, tensor.dims)
}

/** Codes around zero, as two's complement within their bits: the middle code is stored as 0. */
const centred = (codes: Uint8Array, bits: number): Uint8Array =>
  codes.map((code) => (code - 2 ** (bits - 1)) & (2 ** bits - 1))

function reshaped(graph: Graph, weight: string, value: string, dims: readonly number[]): string {
  const output = graph.freshName(`${weight}_shaped`)
  const shape = graph.addInitializer(`${weight}_shape`, Tensor.int64(dims))
  graph.addNode({
    opType: 'Reshape',
    name: graph.freshName(`${weight}_reshape`),
    inputs: [value, shape],
    outputs: [output],
  })
  return output
}
