/** Operators of codes, as ONNX Runtime's quantizer writes them without pairs, in C: to one code. */
import { describe, expect, test } from 'vitest'
import { QLINEAR } from '../../../../src/engine/export/c/qlinear'
import { seeded } from '../../../../src/engine/math/random'
import { Tensor, type AttributeInput } from '../../../../src/engine/onnx'
import { float32 } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { apart, compiler, WITHOUT } from './support'

const STEP = 0.04

/** One code, as a share of the largest value of the output that spans the fewest: an average pool's spans 25. */
const CODE = 1 / 24

/** x [2, 4, 6, 6] as codes of uint8; what is computed is an output, restored. */
class Coded {
  readonly net = new Net(3, 21)
  readonly scale = this.net.constant('s', Tensor.scalar('float32', STEP))
  readonly zero = this.net.constant('z', Tensor.scalar('uint8', 117))
  readonly x = this.net.op('QuantizeLinear', [this.net.input('x', [2, 4, 6, 6]), this.scale, this.zero])
  private readonly random = seeded(11)

  constructor() {
    this.net.model.opsets.set('com.microsoft', 1)
  }

  /**
   * Codes, one scale a row of `axis` or one for all, and zero points of 0. They are of 7 bits: without its optimizations
   * ONNX Runtime saturates pairs of larger products on processors without VNNI.
   */
  weight(dims: readonly number[], axis?: number): [codes: string, scale: string, zero: string] {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const codes = Array.from({ length: size }, () => Math.floor(this.random.next() * 127) - 63)
    const rows = axis === undefined ? [] : [dims[axis]!]
    const many = rows[0] ?? 1
    const scales = Array.from({ length: many }, () => 0.002 + this.random.next() * 0.006)
    return [
      this.net.constant('w', Tensor.of('int8', dims, codes)),
      this.net.constant('ws', Tensor.of('float32', rows, scales)),
      this.net.constant('wz', Tensor.of('int8', rows, new Array<number>(many).fill(0))),
    ]
  }

  bias(size: number): string {
    const sums = Array.from({ length: size }, () => Math.floor(this.random.next() * 4000) - 2000)
    return this.net.constant('b', Tensor.of('int32', [size], sums))
  }

  get in(): [string, string, string] {
    return [this.x, this.scale, this.zero]
  }

  get out(): [string, string] {
    return [this.scale, this.zero]
  }

  op(name: string, inputs: readonly string[], attributes: Record<string, AttributeInput> = {}): void {
    const [domain, op] = name.includes(':') ? name.split(':') : ['', name]
    this.keep(this.net.op(op!, inputs, attributes, 1, domain))
  }

  keep(codes: string): void {
    this.net.output(this.net.op('DequantizeLinear', [codes, this.scale, this.zero]), 4)
  }
}

const MS = 'com.microsoft'
const rows = (c: Coded): string => c.net.op('Reshape', [c.x, c.net.ints([12, 24])])

const WRITTEN: Record<string, (c: Coded) => void> = {
  QLinearConv: (c) => {
    c.op('QLinearConv', [...c.in, ...c.weight([3, 4, 3, 3], 0), ...c.out, c.bias(3)])
    c.op('QLinearConv', [...c.in, ...c.weight([4, 1, 3, 3]), ...c.out], { group: { int: 4 } })
  },
  QLinearMatMul: (c) => {
    c.op('QLinearMatMul', [rows(c), c.scale, c.zero, ...c.weight([24, 5], 1), ...c.out])
    c.op('QLinearMatMul', [...c.in, ...c.weight([6, 3]), ...c.out])
  },
  [`${MS}:QGemm`]: (c) => {
    const left = [rows(c), c.scale, c.zero]
    c.op(`${MS}:QGemm`, [...left, ...c.weight([5, 24], 0), c.bias(5), ...c.out], { transB: { int: 1 } })
    const floats = c.net.op('QGemm', [...left, ...c.weight([24, 5]), c.bias(5)], {}, 1, MS)
    c.net.output(floats, 2)
  },
  [`${MS}:QLinearAdd`]: (c) => c.op(`${MS}:QLinearAdd`, [...c.in, ...c.in, ...c.out]),
  [`${MS}:QLinearMul`]: (c) => c.op(`${MS}:QLinearMul`, [...c.in, ...c.in, ...c.out]),
  [`${MS}:QLinearSigmoid`]: (c) => c.op(`${MS}:QLinearSigmoid`, [...c.in, ...c.out]),
  [`${MS}:QLinearLeakyRelu`]: (c) =>
    c.op(`${MS}:QLinearLeakyRelu`, [...c.in, ...c.out], { alpha: { float: 0.3 } }),
  [`${MS}:QLinearConcat`]: (c) =>
    c.op(`${MS}:QLinearConcat`, [...c.out, ...c.in, ...c.in], { axis: { int: 1 } }),
  [`${MS}:QLinearGlobalAveragePool`]: (c) =>
    c.op(`${MS}:QLinearGlobalAveragePool`, [...c.in, ...c.out], { channels_last: { int: 0 } }),
  [`${MS}:QLinearAveragePool`]: (c) =>
    c.op(`${MS}:QLinearAveragePool`, [...c.in, ...c.out], { kernel_shape: { ints: [2, 3] } }),
  'blocks of scales': (c) => {
    const scales = c.net.constant(
      'bs',
      Tensor.of(
        'float32',
        [2, 4, 3, 6],
        Array.from({ length: 144 }, (_, i) => 0.01 * ((i % 7) + 1)),
      ),
    )
    const zeros = c.net.constant('bz', Tensor.of('uint8', [2, 4, 3, 6], new Array<number>(144).fill(100)))
    const along = { axis: { int: 2 }, block_size: { int: 2 } }
    const codes = c.net.op('QuantizeLinear', ['x', scales, zeros], along)
    c.net.output(c.net.op('DequantizeLinear', [codes, scales, zeros], along), 4)
  },
}

const noise = (seed: number) => {
  const random = seeded(seed)
  return float32(
    [2, 4, 6, 6],
    Float32Array.from({ length: 288 }, () => random.normal()),
  )
}

describe.runIf(compiler)(`operators of codes in C${WITHOUT}`, () => {
  test('each is written here', () =>
    expect(Object.keys(WRITTEN)).toEqual(expect.arrayContaining([...QLINEAR])))

  test('all of them, to one code', async () => {
    const coded = new Coded()
    for (const write of Object.values(WRITTEN)) write(coded)
    const { most } = await apart(coded.net.model, [{ x: noise(1) }, { x: noise(2) }])
    expect(most).toBeLessThan(CODE)
  })
})
