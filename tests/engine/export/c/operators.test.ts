/** Operators by family: the C of each against ONNX Runtime, under every warning and sanitizer. */
import { describe, expect, test } from 'vitest'
import { seeded } from '../../../../src/engine/math/random'
import { Tensor, type AttributeInput } from '../../../../src/engine/onnx'
import { float32 } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { apart, compiler, WITHOUT } from './support'

type Attributes = Record<string, AttributeInput>
const ints = (...values: number[]): AttributeInput => ({ ints: values })
const int = (value: number): AttributeInput => ({ int: value })

/** x [2, 4, 6, 6]; what is computed is an output, as float32. */
class Family {
  readonly net = new Net(7)
  readonly x = this.net.input('x', [2, 4, 6, 6])

  op(opType: string, inputs: readonly string[] = [this.x], attributes: Attributes = {}): string {
    const y = this.net.op(opType, inputs, attributes)
    return this.keep(y)
  }

  keep(value: string): string {
    this.net.output(this.net.op('Cast', [value], { to: int(1) }), 1)
    return value
  }

  weight = (...dims: number[]): string => this.net.weight(dims)
  indices = (values: readonly number[], ...dims: number[]): string =>
    this.net.ints(values, dims.length > 0 ? dims : [values.length])
  scalar = (value: number): string => this.net.constant('s', Tensor.scalar('float32', value))
}

const FAMILIES: Record<string, (f: Family) => void> = {
  'one element at a time': (f) => {
    const positive = f.net.op('Abs', [f.x])
    for (const op of ['Sqrt', 'Log', 'Reciprocal']) f.op(op, [f.net.op('Add', [positive, f.scalar(0.5)])])
    for (const op of [
      'Abs',
      'Neg',
      'Sign',
      'Relu',
      'Sigmoid',
      'Softplus',
      'Softsign',
      'HardSwish',
      'Mish',
      'Exp',
    ])
      f.op(op)
    for (const op of [
      'Ceil',
      'Floor',
      'Round',
      'Sin',
      'Cos',
      'Tanh',
      'Erf',
      'Atan',
      'Sinh',
      'IsNaN',
      'IsInf',
    ])
      f.op(op)
    for (const op of ['Elu', 'Celu', 'Selu', 'LeakyRelu', 'ThresholdedRelu', 'HardSigmoid']) f.op(op)
    f.op('Clip', [f.x, f.scalar(-0.5), f.scalar(0.7)])
    f.op('Shrink', [f.x], { lambd: { float: 0.4 }, bias: { float: 0.1 } })
    f.op('PRelu', [f.x, f.weight(4, 1, 1)])
  },
  'two elements at a time': (f) => {
    const y = f.weight(4, 1, 6)
    for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min']) f.op(op, [f.x, y])
    const less = f.op('Less', [f.x, y])
    const more = f.op('GreaterOrEqual', [f.x, f.scalar(0.1)])
    for (const op of ['And', 'Or', 'Xor', 'Equal']) f.op(op, [less, more])
    f.op('Not', [less])
    for (const op of ['Greater', 'LessOrEqual']) f.op(op, [f.x, y])
    f.op('Where', [less, f.x, y])
    f.op('Pow', [f.net.op('Abs', [f.x]), f.scalar(1.5)])
    f.op('Mod', [f.x, f.scalar(0.7)], { fmod: int(1) })
    for (const op of ['Sum', 'Mean']) f.op(op, [f.x, y, f.x])
  },
  'by index': (f) => {
    f.op('Gather', [f.x, f.indices([3, 0, -1])], { axis: int(1) })
    f.op('GatherElements', [f.x, f.indices([1, 0, 3, 2, 1, 1], 1, 1, 1, 6)], { axis: int(1) })
    f.op('GatherND', [f.x, f.indices([0, 3, 1, 2], 2, 2)])
    f.op('ScatterElements', [f.x, f.indices([2, 0], 1, 2, 1, 1), f.weight(1, 2, 1, 1)], { axis: int(1) })
    f.op('ScatterND', [f.x, f.indices([1, 2, 0, 3], 2, 2), f.weight(2, 6, 6)])
    f.op('OneHot', [
      f.indices([2, 0, 1]),
      f.indices([4], 1),
      f.net.constant('v', Tensor.float32([2], [0.5, 2])),
    ])
    f.op('CumSum', [f.x, f.indices([2], 1)])
    f.op('CumSum', [f.x, f.indices([3], 1)], { reverse: int(1), exclusive: int(1) })
    for (const value of f.net.ops('TopK', [f.x, f.indices([3], 1)], { axis: int(3) }, 2)) f.keep(value)
  },
  'shape and place': (f) => {
    f.op('Transpose', [f.x], { perm: ints(2, 0, 3, 1) })
    f.op('Reshape', [f.x, f.indices([4, -1])])
    f.op('Flatten', [f.x], { axis: int(2) })
    f.op('Expand', [f.weight(4, 1, 1), f.indices([2, 4, 3, 2])])
    f.op('Slice', [f.x, f.indices([5, 0]), f.indices([-7, 3]), f.indices([2, 1]), f.indices([-2, 2])])
    f.op('Concat', [f.x, f.weight(2, 3, 6, 6), f.x], { axis: int(1) })
    for (const part of f.net.ops('Split', [f.x, f.indices([1, 3])], { axis: int(1) }, 2)) f.keep(part)
    for (const mode of ['constant', 'reflect', 'edge'])
      f.op('Pad', [f.x, f.indices([0, 0, 1, 2, 0, 1, 2, 0])], { mode })
    f.op('Tile', [f.x, f.indices([1, 2, 1, 2])])
    f.op('DepthToSpace', [f.x], { blocksize: int(2) })
    f.op('DepthToSpace', [f.x], { blocksize: int(2), mode: 'CRD' })
    f.op('SpaceToDepth', [f.x], { blocksize: int(3) })
    f.op('Trilu', [f.x], { upper: int(0) })
    f.op('Trilu', [f.x, f.net.constant('k', Tensor.scalar('int64', 1))])
    f.op('ReverseSequence', [f.x, f.indices([2, 4])], { batch_axis: int(0), time_axis: int(1) })
  },
  normalisation: (f) => {
    for (const op of ['Softmax', 'LogSoftmax', 'Hardmax'])
      for (const axis of [1, 3]) f.op(op, [f.x], { axis: int(axis) })
    f.op('LayerNormalization', [f.x, f.weight(6, 6), f.weight(6, 6)], { axis: int(2) })
    f.op('InstanceNormalization', [f.x, f.weight(4), f.weight(4)])
    f.op('MeanVarianceNormalization')
    f.op('BatchNormalization', [
      f.x,
      f.weight(4),
      f.weight(4),
      f.weight(4),
      f.net.constant('v', Tensor.float32([4], [0.5, 1, 2, 3])),
    ])
    for (const p of [1, 2]) f.op('LpNormalization', [f.x], { axis: int(1), p: int(p) })
    f.op('LRN', [f.x], { size: int(3) })
  },
  reduction: (f) => {
    const some = [
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceProd',
      'ReduceL1',
      'ReduceL2',
      'ReduceSumSquare',
    ]
    for (const op of [...some, 'ReduceLogSumExp']) {
      f.op(op, [f.x, f.indices([1, -1])], { keepdims: int(0) })
      f.op(op)
    }
    f.op('ReduceSum', [f.x, f.indices([2])])
    f.op('ReduceLogSum', [f.net.op('Abs', [f.x]), f.indices([3])])
    for (const op of ['ArgMax', 'ArgMin'])
      for (const last of [0, 1]) f.op(op, [f.x], { axis: int(2), select_last_index: int(last) })
  },
  'another size': (f) => {
    const to = (...scales: number[]): string => f.net.constant('scales', Tensor.float32([4], scales))
    for (const coordinate_transformation_mode of [
      'half_pixel',
      'asymmetric',
      'align_corners',
      'pytorch_half_pixel',
    ]) {
      f.op('Resize', [f.x, '', to(1, 1, 2, 1.5)], { mode: 'nearest', coordinate_transformation_mode })
      f.op('Resize', [f.x, '', to(1, 1, 1.5, 2)], { mode: 'linear', coordinate_transformation_mode })
    }
    for (const nearest_mode of ['floor', 'ceil', 'round_prefer_ceil'])
      f.op('Resize', [f.x, '', to(1, 1, 0.5, 3)], { mode: 'nearest', nearest_mode })
    f.op('Resize', [f.x, '', '', f.indices([2, 4, 9, 3])], { mode: 'cubic' })
    for (const mode of ['linear', 'cubic'])
      f.op('Resize', [f.x, '', to(1, 1, 0.4, 0.7)], { mode, antialias: int(1) })
    const coordinate_transformation_mode = 'tf_crop_and_resize'
    const part = f.net.constant('roi', Tensor.float32([8], [0, 0, 0.2, 0.4, 1, 1, 0.7, 1.3]))
    const beyond = { coordinate_transformation_mode, extrapolation_value: { float: -3 } }
    f.op('Resize', [f.x, part, '', f.indices([2, 4, 4, 7])], { mode: 'linear', ...beyond })
    f.op('Resize', [f.x, part, '', f.indices([2, 4, 1, 5])], { mode: 'nearest', ...beyond })
  },
  'integers and codes': (f) => {
    for (const to of [2, 3, 6, 7, 9]) f.op('Cast', [f.net.op('Abs', [f.x])], { to: int(to) })
    const scale = f.scalar(0.05)
    const zero = f.net.constant('z', Tensor.scalar('uint8', 120))
    const codes = f.op('QuantizeLinear', [f.x, scale, zero])
    f.op('DequantizeLinear', [codes, scale, zero])
    const rows = f.net.constant('r', Tensor.float32([4], [0.02, 0.03, 0.05, 0.11]))
    f.op('QuantizeLinear', [f.x, rows], { axis: int(1) })
    const [dynamic, found, point] = f.net.ops('DynamicQuantizeLinear', [f.x], {}, 3) as [
      string,
      string,
      string,
    ]
    for (const value of [dynamic, found, point]) f.keep(value)
    const weights = f.net.constant(
      'w8',
      Tensor.of(
        'int8',
        [6, 3],
        Array.from({ length: 18 }, (_, i) => i * 7 - 60),
      ),
    )
    f.op('MatMulInteger', [f.net.op('Reshape', [dynamic, f.indices([48, 6])]), weights, point])
  },
  'transposed convolution': (f) => {
    f.op('ConvTranspose', [f.x, f.weight(4, 3, 3, 3), f.weight(3)], {
      strides: ints(2, 2),
      pads: ints(1, 0, 1, 1),
    })
    f.op('ConvTranspose', [f.x, f.weight(4, 2, 2, 3)], {
      group: int(2),
      dilations: ints(2, 1),
      output_padding: ints(0, 0),
    })
  },
  products: (f) => {
    const rows = f.net.op('Reshape', [f.x, f.indices([12, 24])])
    f.op('Gemm', [rows, f.weight(5, 24), f.weight(5)], {
      transB: int(1),
      alpha: { float: 0.5 },
      beta: { float: 2 },
    })
    f.op('Gemm', [rows, f.weight(12, 3)], { transA: int(1) })
    f.op('MatMul', [f.x, f.x])
    f.op('MatMul', [f.x, f.weight(4, 6, 2)])
    f.op('MatMul', [rows, f.weight(24)])
  },
}

const noise = (seed: number) => {
  const random = seeded(seed)
  return float32(
    [2, 4, 6, 6],
    Float32Array.from({ length: 288 }, () => random.normal()),
  )
}

describe.runIf(compiler)(`operators in C${WITHOUT}`, () => {
  test.each(Object.entries(FAMILIES))('%s', async (_, build) => {
    const family = new Family()
    build(family)
    const { most } = await apart(family.net.model, [{ x: noise(1) }, { x: noise(2) }])
    expect(most).toBeLessThan(1e-5)
  })
})
