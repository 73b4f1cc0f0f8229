/** One small graph per operator variant, for checks by finite differences. */
import type { AttributeInput } from '../../../../src/engine/onnx'

/** Numbers of an input: kept away from kinks where the operator has some. */
type Fill = 'normal' | 'positive' | 'spread' | 'unit' | readonly number[]

export interface CaseInput {
  dims: readonly number[]
  fill?: Fill
  /** Whether its gradient is checked; default true for floats. */
  learns?: boolean
  dtype?: 'float32' | 'int64' | 'int32' | 'bool'
}

export interface Case {
  title: string
  op: string
  domain?: string
  opset?: number
  inputs: readonly (CaseInput | null)[]
  outputs?: number
  /** Which output is read; default the first. */
  reads?: number
  attributes?: Readonly<Record<string, AttributeInput>>
}

export const normal = (...dims: number[]): CaseInput => ({ dims })
const spread = (...dims: number[]): CaseInput => ({ dims, fill: 'spread' })
const positive = (...dims: number[]): CaseInput => ({ dims, fill: 'positive' })
export const fixed = (dims: number[], fill: number[], dtype: CaseInput['dtype'] = 'int64'): CaseInput => ({
  dims,
  fill,
  dtype,
  learns: false,
})
const list = (...values: number[]): CaseInput => fixed([values.length], values)
const floats = (...values: number[]): CaseInput => fixed([values.length], values, 'float32')
const scalar = (value: number): CaseInput => fixed([], [value], 'float32')
export const int = (value: number): AttributeInput => ({ int: value })
const ints = (...values: number[]): AttributeInput => ({ ints: values })
const float = (value: number): AttributeInput => ({ float: value })

const unary = (
  op: string,
  input: CaseInput = spread(2, 5),
  attributes?: Case['attributes'],
  opset?: number,
  domain?: string,
): Case => ({
  title: `${op}${attributes ? ' with attributes' : ''}`,
  op,
  domain,
  opset,
  inputs: [input],
  attributes,
})

const conv = (
  title: string,
  x: number[],
  w: number[],
  attributes: Case['attributes'] = {},
  op = 'Conv',
  bias = w[0]!,
): Case => ({
  title: `${op} ${title}`,
  op,
  inputs: [normal(...x), normal(...w), normal(bias)],
  attributes,
})

const ARITHMETIC: Case[] = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean'].flatMap((op) => [
  { title: `${op} of equal shapes`, op, inputs: [spread(2, 3), { dims: [2, 3], fill: 'positive' }] },
  { title: `${op} broadcast both ways`, op, inputs: [spread(3, 1, 2), { dims: [4, 1], fill: 'positive' }] },
])

const CONVOLUTIONS: Case[] = [
  conv('2-D with padding', [2, 3, 5, 4], [4, 3, 3, 3], { pads: ints(1, 1, 1, 1) }),
  conv('without padding', [2, 3, 5, 5], [4, 3, 3, 2]),
  conv('1-D strided', [2, 3, 11], [4, 3, 4], { strides: ints(3), pads: ints(2, 1) }),
  conv('1-D, many channels', [2, 10, 6], [3, 10, 3], { pads: ints(1, 1) }),
  conv('many channels, asymmetric pads, dilated', [1, 10, 6, 5], [3, 10, 2, 2], {
    pads: ints(1, 0, 2, 1),
    dilations: ints(2, 1),
  }),
  conv('many channels, strided, last rows unused', [1, 9, 6, 6], [2, 9, 3, 3], { strides: ints(2, 2) }),
  conv('pointwise', [2, 5, 3, 2], [4, 5, 1, 1]),
  conv('pointwise strided', [2, 5, 4, 4], [4, 5, 1, 1], { strides: ints(2, 2) }),
  conv('grouped', [2, 4, 5, 5], [6, 2, 3, 3], { group: int(2), pads: ints(1, 1, 1, 1) }),
  conv('grouped strided, last rows unused', [2, 4, 6, 6], [6, 2, 3, 3], {
    group: int(2),
    strides: ints(2, 2),
  }),
  conv('depthwise', [2, 3, 5, 5], [3, 1, 3, 3], { group: int(3), pads: ints(1, 1, 1, 1) }),
  conv('depthwise strided', [2, 3, 6, 6], [3, 1, 3, 3], {
    group: int(3),
    pads: ints(0, 0, 1, 1),
    strides: ints(2, 2),
  }),
  conv('depthwise of a small plane', [3, 2, 4, 5], [2, 1, 3, 3], { group: int(2), pads: ints(1, 1, 1, 1) }),
  conv('depthwise by groups of rows', [1, 2, 10, 8], [2, 1, 3, 3], { group: int(2), pads: ints(1, 1, 1, 1) }),
  conv('depthwise by groups of rows that reach over their neighbours', [1, 2, 9, 12], [2, 1, 3, 3], {
    group: int(2),
    pads: ints(4, 1, 4, 1),
    dilations: ints(4, 1),
  }),
  conv('depthwise strided by groups of rows', [1, 2, 16, 12], [2, 1, 5, 3], {
    group: int(2),
    pads: ints(2, 1, 2, 1),
    strides: ints(2, 2),
  }),
  conv('depthwise by single rows', [1, 2, 5, 14], [2, 1, 3, 3], { group: int(2), pads: ints(1, 1, 1, 1) }),
  conv('depthwise strided by single rows', [1, 2, 17, 20], [2, 1, 3, 3], {
    group: int(2),
    pads: ints(0, 1, 0, 0),
    strides: ints(2, 2),
  }),
  conv('many channels through the flipped kernel', [1, 16, 3, 3], [16, 16, 2, 2], { pads: ints(1, 1, 0, 0) }),
  conv('auto_pad SAME_UPPER', [1, 3, 6, 5], [2, 3, 3, 3], { auto_pad: 'SAME_UPPER', strides: ints(2, 2) }),
  conv('auto_pad SAME_LOWER', [1, 3, 6, 5], [2, 3, 2, 2], { auto_pad: 'SAME_LOWER' }),
  conv('pads wider than the kernel', [1, 2, 3, 3], [2, 2, 1, 1], { pads: ints(1, 1, 1, 1) }),
  conv('3-D', [1, 2, 3, 4, 3], [3, 2, 2, 2, 2], { strides: ints(1, 2, 1) }),
  conv('2-D', [2, 3, 4, 3], [3, 4, 3, 3], {}, 'ConvTranspose', 4),
  conv(
    'strided with output padding',
    [2, 3, 4, 3],
    [3, 2, 3, 3],
    { strides: ints(2, 2), pads: ints(1, 1, 1, 1), output_padding: ints(1, 1) },
    'ConvTranspose',
    2,
  ),
  conv('grouped 1-D', [2, 4, 5], [4, 3, 3], { group: int(2), strides: ints(2) }, 'ConvTranspose', 6),
  conv(
    'output_shape',
    [1, 2, 3, 3],
    [2, 2, 3, 3],
    { strides: ints(2, 2), output_shape: ints(6, 6) },
    'ConvTranspose',
    2,
  ),
]

const pool = (op: string, title: string, dims: number[], attributes: Case['attributes']): Case => ({
  title: `${op} ${title}`,
  op,
  inputs: [spread(...dims)],
  attributes,
})

const POOLS: Case[] = [
  pool('MaxPool', 'non-overlapping', [2, 2, 4, 4], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
  pool('MaxPool', 'overlapping and padded', [1, 2, 5, 5], {
    kernel_shape: ints(3, 3),
    strides: ints(2, 2),
    pads: ints(1, 1, 1, 1),
  }),
  pool('MaxPool', '1-D', [2, 3, 9], { kernel_shape: ints(4), strides: ints(4) }),
  pool('AveragePool', 'padding not counted', [1, 2, 5, 5], {
    kernel_shape: ints(3, 3),
    strides: ints(2, 2),
    pads: ints(1, 1, 1, 1),
  }),
  pool('AveragePool', 'padding counted', [1, 2, 5, 4], {
    kernel_shape: ints(3, 2),
    pads: ints(1, 0, 1, 1),
    count_include_pad: int(1),
  }),
  pool('AveragePool', 'ceil mode', [1, 1, 5, 6], {
    kernel_shape: ints(2, 2),
    strides: ints(2, 2),
    ceil_mode: int(1),
  }),
  pool('AveragePool', 'last rows unused', [1, 1, 7], { kernel_shape: ints(3), strides: ints(3) }),
  pool('GlobalAveragePool', '', [2, 3, 2, 4], {}),
  ...[1, 2, 3].flatMap((p) => [
    pool('LpPool', `p ${p}, overlapping and padded`, [1, 2, 5, 4], {
      kernel_shape: ints(3, 2),
      strides: ints(2, 1),
      pads: ints(1, 0, 1, 1),
      p: int(p),
    }),
    pool('GlobalLpPool', `p ${p}`, [2, 2, 2, 3], { p: int(p) }),
  ]),
  pool('GlobalMaxPool', '', [2, 3, 2, 4], {}),
]

const REDUCTIONS: Case[] = [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceSumSquare',
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSumExp',
  'ReduceProd',
].flatMap((op): Case[] => [
  { title: `${op} by input axes`, op, inputs: [spread(2, 3, 4), list(-1)], attributes: { keepdims: int(0) } },
  { title: `${op} of everything`, op, opset: 12, inputs: [spread(2, 3)], attributes: { keepdims: int(1) } },
  {
    title: `${op} by attribute`,
    op,
    opset: 12,
    inputs: [spread(2, 3, 2)],
    attributes: { axes: ints(0, 2), keepdims: int(0) },
  },
])

REDUCTIONS.push({
  title: 'ReduceL2 of a row of zeros, whose length is least there',
  op: 'ReduceL2',
  inputs: [{ dims: [2, 3], fill: [0, 0, 0, 1, -2, 0.5] }, list(-1)],
  attributes: { keepdims: int(0) },
})

REDUCTIONS.push({
  title: 'ReduceProd of rows with one zero, with two and with none',
  op: 'ReduceProd',
  inputs: [{ dims: [3, 3], fill: [0, 2, 3, 0, 0, 2, 1, -2, 0.5] }, list(-1)],
  attributes: { keepdims: int(0) },
})

const ACTIVATIONS: Case[] = [
  ...[
    'Neg',
    'Abs',
    'Exp',
    'Sin',
    'Cos',
    'Atan',
    'Erf',
    'Identity',
    'Relu',
    'LeakyRelu',
    'ThresholdedRelu',
    'Sigmoid',
    'Tanh',
    'HardSigmoid',
    'Elu',
    'Selu',
    'Celu',
    'Softplus',
    'Softsign',
  ].map((op) => unary(op)),
  unary('HardSwish'),
  unary('Mish'),
  unary('Gelu', spread(2, 5), undefined, 20),
  unary('Gelu', spread(2, 5), { approximate: 'tanh' }, 20),
  unary('Gelu', spread(2, 5), undefined, 18, 'com.microsoft'),
  unary('QuickGelu', spread(2, 5), undefined, 18, 'com.microsoft'),
  unary('LeakyRelu', spread(2, 5), { alpha: float(0.3) }),
  unary('Elu', spread(2, 5), { alpha: float(0.7) }),
  unary('Celu', spread(2, 5), { alpha: float(1.7) }),
  unary('HardSigmoid', spread(2, 5), { alpha: float(0.3), beta: float(0.4) }),
  ...['Sqrt', 'Log', 'Reciprocal'].map((op) => unary(op, positive(2, 5))),
  unary('Cast', spread(2, 3), { to: int(1) }),
  { title: 'CastLike', op: 'CastLike', inputs: [spread(2, 3), scalar(1)] },
  unary('Shrink', spread(2, 6), { lambd: float(0.6), bias: float(0.2) }),
  { title: 'Dropout at inference', op: 'Dropout', inputs: [spread(2, 3)] },
  { title: 'PRelu per channel', op: 'PRelu', inputs: [spread(2, 3, 2), { dims: [3, 1], fill: 'positive' }] },
  { title: 'Clip by inputs', op: 'Clip', inputs: [spread(3, 4), scalar(-0.6), scalar(0.9)] },
  {
    title: 'Clip with learned bounds',
    op: 'Clip',
    inputs: [spread(3, 4), { dims: [], fill: [-0.6] }, { dims: [], fill: [0.9] }],
  },
  {
    title: 'Clip by attributes',
    op: 'Clip',
    opset: 10,
    inputs: [spread(3, 4)],
    attributes: { min: float(0), max: float(1) },
  },
  { title: 'Clip from below only', op: 'Clip', inputs: [spread(3, 4), scalar(0)] },
  { title: 'Pow by a constant', op: 'Pow', inputs: [positive(2, 3), scalar(1.7)] },
  { title: 'Pow squared', op: 'Pow', inputs: [spread(2, 3), scalar(2)] },
  { title: 'Pow with a learned exponent', op: 'Pow', inputs: [positive(2, 3), positive(3)] },
  { title: 'Where', op: 'Where', inputs: [fixed([2, 1], [1, 0], 'bool'), spread(2, 3), spread(3)] },
  { title: 'Softmax', op: 'Softmax', inputs: [normal(2, 4)] },
  {
    title: 'Softmax along a middle axis',
    op: 'Softmax',
    inputs: [normal(2, 3, 2)],
    attributes: { axis: int(1) },
  },
  {
    title: 'Softmax before opset 13',
    op: 'Softmax',
    opset: 12,
    inputs: [normal(2, 3, 2)],
    attributes: { axis: int(1) },
  },
  { title: 'LogSoftmax', op: 'LogSoftmax', inputs: [normal(2, 4)] },
]

const NORMALIZATIONS: Case[] = [
  ...[3, 5].map((size): Case => ({
    title: `LRN over ${size} channels`,
    op: 'LRN',
    inputs: [normal(2, 6, 2, 1)],
    attributes: { size: int(size), alpha: float(0.5), beta: float(0.75), bias: float(1.2) },
  })),
  { title: 'LayerNormalization', op: 'LayerNormalization', inputs: [normal(2, 3, 4), normal(4), normal(4)] },
  {
    title: 'LayerNormalization over two axes, no bias',
    op: 'LayerNormalization',
    inputs: [normal(2, 3, 4), normal(3, 4)],
    attributes: { axis: int(1) },
  },
  { title: 'RMSNormalization', op: 'RMSNormalization', opset: 23, inputs: [normal(2, 3, 4), normal(4)] },
  {
    title: 'SimplifiedLayerNormalization',
    op: 'SimplifiedLayerNormalization',
    inputs: [normal(2, 3, 4), normal(4)],
  },
  {
    title: 'BatchNormalization frozen',
    op: 'BatchNormalization',
    inputs: [
      normal(2, 3, 2, 2),
      normal(3),
      normal(3),
      fixed([3], [0.1, -0.2, 0.3], 'float32'),
      fixed([3], [0.5, 1.5, 2], 'float32'),
    ],
  },
  {
    title: 'InstanceNormalization',
    op: 'InstanceNormalization',
    inputs: [normal(2, 3, 4), normal(3), normal(3)],
  },
  {
    title: 'GroupNormalization',
    op: 'GroupNormalization',
    opset: 21,
    inputs: [normal(2, 4, 3), normal(4), normal(4)],
    attributes: { num_groups: int(2) },
  },
  {
    title: 'GroupNormalization per group',
    op: 'GroupNormalization',
    opset: 18,
    inputs: [normal(2, 4, 3), normal(2), normal(2)],
    attributes: { num_groups: int(2) },
  },
]

const PRODUCTS: Case[] = [
  { title: 'MatMul', op: 'MatMul', inputs: [normal(2, 3), normal(3, 4)] },
  { title: 'MatMul with shared weight', op: 'MatMul', inputs: [normal(2, 3, 4), normal(4, 2)] },
  { title: 'MatMul batched and broadcast', op: 'MatMul', inputs: [normal(2, 1, 3, 2), normal(3, 2, 4)] },
  { title: 'MatMul of a broadcast left side', op: 'MatMul', inputs: [normal(3, 2), normal(2, 2, 4)] },
  { title: 'MatMul vector by matrix', op: 'MatMul', inputs: [normal(3), normal(2, 3, 4)] },
  { title: 'MatMul matrix by vector', op: 'MatMul', inputs: [normal(2, 2, 3), normal(3)] },
  ...[0, 1].flatMap((a) =>
    [0, 1].map((b): Case => ({
      title: `Gemm transA ${a} transB ${b}`,
      op: 'Gemm',
      inputs: [a ? normal(3, 2) : normal(2, 3), b ? normal(4, 3) : normal(3, 4), normal(4)],
      attributes: { transA: int(a), transB: int(b), alpha: float(0.7), beta: float(1.3) },
    })),
  ),
  { title: 'Gemm with a column bias', op: 'Gemm', inputs: [normal(2, 3), normal(3, 4), normal(2, 1)] },
  {
    title: 'Einsum',
    op: 'Einsum',
    inputs: [normal(2, 3, 4), normal(2, 4, 5)],
    attributes: { equation: 'bij,bjk->bki' },
  },
]

const resize = (
  title: string,
  dims: number[],
  scales: number[] | null,
  sizes: number[] | null,
  attributes: Case['attributes'],
): Case => ({
  title: `Resize ${title}`,
  op: 'Resize',
  inputs: scales
    ? [normal(...dims), null, floats(...scales)]
    : [normal(...dims), null, null, list(...sizes!)],
  attributes,
})

const LAYOUT: Case[] = [
  { title: 'Reshape', op: 'Reshape', inputs: [normal(2, 6), list(0, 3, -1)] },
  { title: 'Flatten', op: 'Flatten', inputs: [normal(2, 3, 2)] },
  { title: 'Squeeze', op: 'Squeeze', inputs: [normal(2, 1, 3), list(1)] },
  { title: 'Unsqueeze', op: 'Unsqueeze', inputs: [normal(2, 3), list(0, 3)] },
  { title: 'Transpose', op: 'Transpose', inputs: [normal(2, 3, 4)], attributes: { perm: ints(2, 0, 1) } },
  { title: 'Transpose reversed', op: 'Transpose', inputs: [normal(2, 3, 4)] },
  {
    title: 'Concat',
    op: 'Concat',
    inputs: [normal(2, 3), normal(2, 1), normal(2, 2)],
    attributes: { axis: int(-1) },
  },
  { title: 'Split, one part unused', op: 'Split', inputs: [normal(5, 2), list(2, 3)], outputs: 2 },
  { title: 'Slice', op: 'Slice', inputs: [normal(4, 5), list(1, -4), list(3, 100), list(0, 1)] },
  {
    title: 'Slice with steps',
    op: 'Slice',
    inputs: [normal(7, 5), list(6, 0), list(-100, 5), list(0, 1), list(-2, 2)],
  },
  {
    title: 'Slice by attributes',
    op: 'Slice',
    opset: 9,
    inputs: [normal(4, 5)],
    attributes: { starts: ints(1, 0), ends: ints(3, -1), axes: ints(0, 1) },
  },
  { title: 'Pad', op: 'Pad', inputs: [normal(2, 3), list(1, 0, 0, 2)] },
  { title: 'Pad with negative widths', op: 'Pad', inputs: [normal(3, 4), list(-1, 1, 0, -2)] },
  { title: 'Pad on named axes', op: 'Pad', opset: 18, inputs: [normal(2, 3), list(2, 1), null, list(-1)] },
  {
    title: 'Pad reflecting',
    op: 'Pad',
    inputs: [normal(2, 4), list(0, 2, 0, 1)],
    attributes: { mode: 'reflect' },
  },
  {
    title: 'Pad repeating the edge',
    op: 'Pad',
    inputs: [normal(2, 4), list(1, 2, 0, 1)],
    attributes: { mode: 'edge' },
  },
  { title: 'Gather rows, repeated', op: 'Gather', inputs: [normal(4, 3), fixed([2, 3], [0, 3, 1, 1, 0, 1])] },
  {
    title: 'Gather one, dropping the axis',
    op: 'Gather',
    inputs: [normal(4, 3, 2), fixed([], [-1])],
    attributes: { axis: int(1) },
  },
  {
    title: 'Gather permuted',
    op: 'Gather',
    inputs: [normal(2, 5), list(4, 0, 2)],
    attributes: { axis: int(1) },
  },
  { title: 'GatherElements', op: 'GatherElements', inputs: [normal(3, 2), fixed([2, 2], [0, 2, 2, 2])] },
  { title: 'Expand', op: 'Expand', inputs: [normal(3, 1), list(2, 1, 4)] },
  { title: 'Tile', op: 'Tile', inputs: [normal(2, 3), list(3, 2)] },
  {
    title: 'DepthToSpace DCR',
    op: 'DepthToSpace',
    inputs: [normal(1, 8, 2, 3)],
    attributes: { blocksize: int(2) },
  },
  {
    title: 'DepthToSpace CRD',
    op: 'DepthToSpace',
    inputs: [normal(1, 8, 2, 3)],
    attributes: { blocksize: int(2), mode: 'CRD' },
  },
  {
    title: 'SpaceToDepth',
    op: 'SpaceToDepth',
    inputs: [normal(1, 2, 4, 2)],
    attributes: { blocksize: int(2) },
  },
  { title: 'CumSum', op: 'CumSum', inputs: [normal(2, 4), fixed([], [1])] },
  {
    title: 'CumSum exclusive and reversed',
    op: 'CumSum',
    inputs: [normal(2, 4), fixed([], [1])],
    attributes: { exclusive: int(1), reverse: int(1) },
  },
  resize('nearest by scales', [1, 2, 3, 3], [1, 1, 2, 2], null, { mode: 'nearest' }),
  resize('linear by scales', [1, 2, 3, 3], [1, 1, 2, 2], null, { mode: 'linear' }),
  resize('linear by sizes, down', [1, 1, 6, 5], null, [1, 1, 3, 4], {
    mode: 'linear',
    coordinate_transformation_mode: 'align_corners',
  }),
  resize('nearest asymmetric', [1, 1, 3, 4], null, [1, 1, 5, 8], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  }),
  {
    title: 'Upsample',
    op: 'Upsample',
    opset: 9,
    inputs: [normal(1, 1, 2, 3), floats(1, 1, 2, 3)],
    attributes: { mode: 'nearest' },
  },
]

export const CASES: readonly Case[] = [
  ...ARITHMETIC,
  ...ACTIVATIONS,
  ...PRODUCTS,
  ...CONVOLUTIONS,
  ...POOLS,
  ...NORMALIZATIONS,
  ...REDUCTIONS,
  ...LAYOUT,
]
