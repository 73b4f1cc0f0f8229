import { blocksOf, type GroupedCodes } from '../../math/quantize/grouped'
import { transposed } from '../../math/quantize/rows'
import { packBits, Tensor, type DType, type Node } from '../../onnx'
import { onlyReader } from '../fuses'
import type { Layer } from '../layer'
import { readInstead } from '../rewrite'
import { defineEncoding, type CodeOperator } from './encoding'
import { rootsOf, type CodedLookup, type LookupView } from './recognized'
import type { WeightCodes } from './values'
import type { CodeStore } from './store'
import { codeBytes } from './values'

const BITS = [2, 4, 8]

/** The operator set that knows these integers, and blocks of them. */
function opsetOf(grouped: GroupedCodes): number {
  if (grouped.bits === 2) return 25
  return grouped.bits === 4 || blocksOf(grouped) > 1 ? 21 : 13
}

/** Codes around zero, as two's complement within their bits: the middle code is stored as 0. */
const centred = (codes: Uint8Array, bits: number): Uint8Array =>
  codes.map((code) => (code - 2 ** (bits - 1)) & (2 ** bits - 1))

const isSigned = ({ zeros, bits }: GroupedCodes): boolean => zeros.every((zero) => zero === 2 ** (bits - 1))

/** Adds constants and the operator; gives the value, float32 of the weight's own dims. */
function dequantized(store: CodeStore, { weight, tensor, geometry }: Layer, grouped: GroupedCodes): string {
  const { graph } = store
  const { rows, cols, block, bits } = grouped
  const { turned } = geometry
  const blocks = blocksOf(grouped)
  const along = turned ? tensor.dims.length - 1 : 0
  // Blocks run along a flat row, and rows of both directions lie behind each other; other scales need no such detour.
  const flat = blocks > 1 || tensor.dims[along] !== rows
  const dims = flat ? (turned ? [cols, rows] : [rows, cols]) : [...tensor.dims]
  const laid = <T extends Uint8Array | Float32Array>(values: T, width: number): T =>
    turned ? (transposed(values, rows, width) as T) : values
  const signed = isSigned(grouped)
  const dtype = `${signed ? '' : 'u'}int${bits}` as DType
  const integers = (name: string, shape: readonly number[], codes: Uint8Array): string =>
    graph.addInitializer(
      name,
      Tensor.fromBytes(dtype, shape, bits === 8 ? codes : packBits(codes, bits as 2 | 4)),
    )
  const codes = signed ? centred(grouped.codes, bits) : grouped.codes
  const shape = blocks === 1 ? [rows] : turned ? [blocks, rows] : [rows, blocks]
  const inputs = [
    integers(`${weight}_q${bits}`, dims, laid(codes, cols)),
    graph.addInitializer(`${weight}_scale`, Tensor.float32(shape, laid(grouped.scales, blocks))),
  ]
  if (!signed) inputs.push(integers(`${weight}_zero`, shape, laid(Uint8Array.from(grouped.zeros), blocks)))
  const axis = blocks > 1 ? (turned ? 0 : 1) : turned ? dims.length - 1 : 0
  const attributes = { axis: { int: axis }, ...(blocks > 1 && { block_size: { int: block } }) }
  const value = store.op('DequantizeLinear', inputs, `${weight}_dequantized`, attributes)
  if (dims.length === tensor.dims.length) return value
  return store.op('Reshape', [value, store.ints(tensor.dims)], `${weight}_shaped`)
}

/** Scales are float32 here; zero points in the middle need none. */
function bytes(weight: WeightCodes): number {
  const { scales, zeros } = weight.grouped!
  const stored = isSigned(weight.grouped!) ? 0 : Math.ceil((zeros.length * weight.bits) / 8)
  return codeBytes(weight) + 4 * scales.length + stored
}

/** Rows of codes that become floats behind the lookup: embeddings as ONNX Runtime's own tools write them. */
function lookedUp(view: LookupView, node: Node): CodedLookup | undefined {
  const next = onlyReader(view, node.outputs[0]!)
  if (!next?.is('DequantizeLinear')) return undefined
  const constants = [node.inputs[0]!, ...next.inputs.slice(1)].filter(Boolean)
  return {
    value: next.outputs[0]!,
    lookups: [node],
    roots: constants.flatMap((constant) => rootsOf(view, constant)),
  }
}

/**
 * ONNX Runtime does not fold it at load; on CPUs it turns the one before a MatMul into a MatMulNBits of accuracy
 * level 4 (activations rounded to int8) unless `session.qdq_matmulnbits_accuracy_level` says otherwise, and runs the
 * others each time.
 */
export const dequantizeLinear = defineEncoding({
  id: 'dequantize-linear',
  title: 'DequantizeLinear',
  summary:
    "The standard's own form: integers of 2, 4 or 8 bits by blocks or by rows, which converters and other runtimes read.",
  sources: [
    'ONNX DequantizeLinear 13, 21 (blocks, 4 bits), 25 (2 bits)',
    'ONNX Runtime session configuration keys',
  ],
  weights: [
    {
      storage: 'dequantize-linear',
      words: 'DequantizeLinear',
      // An embedding is not stored so: all its rows would be restored at each run.
      fits: ({ kind, tensor }, { grouped, bits }) =>
        grouped?.zeros.every(Number.isInteger) === true &&
        BITS.includes(bits) &&
        tensor.dtype === 'float32' &&
        kind !== 'embedding',
      opset: ({ grouped }) => opsetOf(grouped!),
      bytes,
      write(store, layer, weight, input) {
        layer.node.inputs[layer.type.input] = input
        readInstead(
          layer,
          store.once(weight, 'dequantized', () => dequantized(store, layer, weight.grouped!)),
        )
      },
    },
  ],
  recognize: lookedUp,
  // Older exports have both in the domain of com.microsoft, for the types the standard did not know yet.
  operators: ['', 'com.microsoft'].flatMap((domain): CodeOperator[] => [
    { op: 'DequantizeLinear', domain, pair: 'restores', codes: [0], settings: [1, 2] },
    { op: 'QuantizeLinear', domain, pair: 'quantizes', codes: [], settings: [1, 2] },
  ]),
})
