import { defineEncoding, type CodeOperator } from './encoding'

const int8 = (
  op: string,
  domain: string,
  codes: readonly number[],
  settings: readonly number[],
  zeroPoints: Readonly<Record<number, number>>,
): CodeOperator => ({ op, domain, codes, settings, zeroPoints, arithmetic: () => 'int8' })

const MICROSOFT = 'com.microsoft'

/** What other tools write, and what ONNX Runtime makes of QuantizeLinear pairs. */
export const integerOperators = defineEncoding({
  id: 'integer-operators',
  title: 'Integer operators',
  summary: 'int8 weights of operators that multiply integers themselves.',
  sources: ['ONNX QLinearConv, QLinearMatMul, MatMulInteger, ConvInteger', 'ContribOperators.md'],
  operators: [
    int8('QLinearConv', '', [3, 8], [1, 2, 4, 5, 6, 7], { 3: 5 }),
    int8('QLinearMatMul', '', [0, 3], [1, 2, 4, 5, 6, 7], { 0: 2, 3: 5 }),
    int8('MatMulInteger', '', [0, 1], [2, 3], { 0: 2, 1: 3 }),
    int8('ConvInteger', '', [1], [2, 3], { 1: 3 }),
    int8('QGemm', MICROSOFT, [3, 6], [1, 2, 4, 5, 7, 8], { 3: 5 }),
    int8('QAttention', MICROSOFT, [1], [3, 4, 6, 7], { 1: 7 }),
    int8('DynamicQuantizeMatMul', MICROSOFT, [1], [2, 3], { 1: 3 }),
    int8('DynamicQuantizeLSTM', MICROSOFT, [1, 2], [8, 9, 10, 11], { 1: 9, 2: 11 }),
    int8('MatMulIntegerToFloat', MICROSOFT, [0, 1], [2, 3, 4, 5], { 0: 4, 1: 5 }),
    {
      op: 'QLinearAdd',
      domain: MICROSOFT,
      codes: [0, 3],
      settings: [1, 2, 4, 5, 6, 7],
      zeroPoints: { 0: 2, 3: 5 },
    },
    { op: 'DynamicQuantizeLinear', codes: [], settings: [] },
    {
      op: 'GatherBlockQuantized',
      domain: MICROSOFT,
      codes: [0],
      settings: [2, 3],
      bits: (node) => node.int('bits', 4),
      elements: (node, { size, dtype }) => (dtype === 'uint8' ? (size * 8) / node.int('bits', 4) : size),
    },
  ],
})
