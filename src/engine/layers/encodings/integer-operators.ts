import type { Node } from '../../onnx'
import { gemmTerms } from '../kinds/matrix'
import { defineEncoding, type CodeOperator, type ConstantInputs } from './encoding'
import { byChannels, packedAt, pieces, type ChannelInputs } from './restore'

type Coded = Readonly<Record<number, ChannelInputs>>

const coded = (op: string, domain: string, inputs: Coded, settings: readonly number[]): CodeOperator => {
  const codes = Object.keys(inputs).map(Number)
  const scaledBehind = codes.filter((slot) => inputs[slot]!.scale === undefined)
  return { op, domain, codes, settings, scaledBehind, restore: byChannels(inputs) }
}

const int8 = (...declared: Parameters<typeof coded>): CodeOperator => ({
  ...coded(...declared),
  arithmetic: () => 'int8',
})

const MICROSOFT = 'com.microsoft'

const FIRST = [0] as const

/** Of packed bytes the middle code is zero where none is given, of integers of 4 bits the code 0. */
function restoreRows(node: Node, slot: number, constant: ConstantInputs): Iterable<Float32Array> | undefined {
  const [data, scales, zeros] = [constant(slot), constant(2)?.floats(), constant(3)]
  const bits = node.int('bits', 4)
  const isPacked = data?.dtype === 'uint8'
  const rank = data?.dims.length ?? 0
  if (!data || !scales || (node.int('quantize_axis', 1) + rank) % rank !== rank - 1) return undefined
  const width = data.dims.at(-1)! * (isPacked ? 8 / bits : 1)
  const block = node.int('block_size', 128)
  const blocks = Math.ceil(width / block)
  const numbersOf = (tensor: typeof data): ((i: number) => number) => {
    if (isPacked) return packedAt(tensor.bytes(), bits)
    const numbers = tensor.values()
    return (i) => Number(numbers[i])
  }
  const codeAt = numbersOf(data)
  const zeroAt = zeros && numbersOf(zeros)
  const perRow = isPacked ? Math.ceil((blocks * bits) / 8) * (8 / bits) : blocks
  return pieces((data.size / data.dims.at(-1)!) * width, width, (i) => {
    const [row, at] = [Math.floor(i / width), Math.floor((i % width) / block)]
    const zero = zeroAt?.(row * perRow + at) ?? (isPacked ? 2 ** (bits - 1) : 0)
    return (codeAt(i) - zero) * scales[row * blocks + at]!
  })
}

/** What other tools write, and what ONNX Runtime makes of QuantizeLinear pairs. */
export const integerOperators = defineEncoding({
  id: 'integer-operators',
  title: 'Integer operators',
  summary: 'int8 weights of operators that multiply integers themselves.',
  sources: ['ONNX QLinearConv, QLinearMatMul, MatMulInteger, ConvInteger', 'ContribOperators.md'],
  operators: [
    int8('QLinearConv', '', { 3: { scale: 4, zero: 5, axes: FIRST }, 8: {} }, [1, 2, 4, 5, 6, 7]),
    int8(
      'QLinearMatMul',
      '',
      { 0: { scale: 1, zero: 2, axes: [-2] }, 3: { scale: 4, zero: 5 } },
      [1, 2, 4, 5, 6, 7],
    ),
    int8('MatMulInteger', '', { 0: { zero: 2, axes: [-2] }, 1: { zero: 3 } }, [2, 3]),
    int8('ConvInteger', '', { 1: { zero: 3, axes: FIRST } }, [2, 3]),
    int8(
      'QGemm',
      MICROSOFT,
      { 3: { scale: 4, zero: 5, axes: (node) => (gemmTerms(node).transB ? FIRST : [1]) }, 6: {} },
      [1, 2, 4, 5, 7, 8],
    ),
    int8('QAttention', MICROSOFT, { 1: { scale: 4, zero: 7 } }, [3, 4, 6, 7]),
    int8('DynamicQuantizeMatMul', MICROSOFT, { 1: { scale: 2, zero: 3 } }, [2, 3]),
    int8(
      'DynamicQuantizeLSTM',
      MICROSOFT,
      { 1: { scale: 8, zero: 9, axes: [0, 2] }, 2: { scale: 10, zero: 11, axes: [0, 2] } },
      [8, 9, 10, 11],
    ),
    int8(
      'MatMulIntegerToFloat',
      MICROSOFT,
      { 0: { scale: 2, zero: 4, axes: [-2] }, 1: { scale: 3, zero: 5 } },
      [2, 3, 4, 5],
    ),
    coded(
      'QLinearAdd',
      MICROSOFT,
      { 0: { scale: 1, zero: 2 }, 3: { scale: 4, zero: 5 } },
      [1, 2, 4, 5, 6, 7],
    ),
    { op: 'DynamicQuantizeLinear', codes: [], settings: [], givesScale: 1 },
    {
      op: 'GatherBlockQuantized',
      domain: MICROSOFT,
      codes: [0],
      settings: [2, 3],
      bits: (node) => node.int('bits', 4),
      elements: (node, { size, dtype }) => (dtype === 'uint8' ? (size * 8) / node.int('bits', 4) : size),
      restore: restoreRows,
    },
  ],
})
