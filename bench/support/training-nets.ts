/** Networks of the kinds people train on their machines, with random weights, and inputs for them. */
import { seeded } from '../../src/engine/math/random'
import { Model, Tensor, type AttributeInput } from '../../src/engine/onnx'
import { float32, int64, type Value } from '../../src/engine/runtime'

export interface Net {
  name: string
  model: Model
  input: Value
  classes: number
}

class Builder {
  readonly model = new Model()
  private readonly random = seeded(1)
  private count = 0

  constructor(input: string, dtype: 'float32' | 'int64', dims: readonly number[]) {
    this.model.opsets.set('', 18)
    this.model.graph.inputs = [{ name: input, dtype, dims: ['batch', ...dims] }]
  }

  weight(...dims: number[]): string {
    const size = dims.reduce((a, b) => a * b, 1)
    const spread = Math.sqrt(2 / (size / dims[0]!))
    return this.model.graph.addInitializer(
      `w${this.count++}`,
      Tensor.float32(
        dims,
        Float32Array.from({ length: size }, () => spread * this.random.normal()),
      ),
    )
  }

  ints(...values: number[]): string {
    return this.model.graph.addInitializer('shape', Tensor.int64(values))
  }

  op(opType: string, inputs: string[], attributes: Record<string, AttributeInput> = {}): string {
    const output = `v${this.count++}`
    this.model.graph.addNode({ opType, inputs, outputs: [output], attributes })
    return output
  }

  dense(x: string, from: number, to: number): string {
    return this.op('Gemm', [x, this.weight(to, from), this.weight(to)], { transB: { int: 1 } })
  }

  conv(x: string, from: number, to: number, kernel: number[], stride = 1, group = 1): string {
    const pads = [...kernel, ...kernel].map((k) => Math.floor(k / 2))
    return this.op('Conv', [x, this.weight(to, from / group, ...kernel), this.weight(to)], {
      pads: { ints: pads },
      strides: { ints: kernel.map(() => stride) },
      group: { int: group },
    })
  }

  end(output: string, classes: number): Model {
    this.model.graph.outputs = [{ name: output, dtype: 'float32', dims: ['batch', classes] }]
    return this.model
  }
}

const noise = (...dims: number[]): Value => {
  const random = seeded(2)
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )
}

function lenet300(batch: number): Net {
  const b = new Builder('x', 'float32', [784])
  const h1 = b.op('Relu', [b.dense('x', 784, 300)])
  const h2 = b.op('Relu', [b.dense(h1, 300, 100)])
  return {
    name: 'LeNet-300-100',
    model: b.end(b.dense(h2, 100, 10), 10),
    input: noise(batch, 784),
    classes: 10,
  }
}

function lenet5(batch: number): Net {
  const b = new Builder('x', 'float32', [1, 28, 28])
  const pool = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } }
  const first = b.op('MaxPool', [b.conv('x', 1, 20, [5, 5])], pool)
  const second = b.op('MaxPool', [b.conv(first, 20, 50, [5, 5])], pool)
  const flat = b.op('Flatten', [second])
  const hidden = b.op('Relu', [b.dense(flat, 50 * 49, 500)])
  return {
    name: 'LeNet-5',
    model: b.end(b.dense(hidden, 500, 10), 10),
    input: noise(batch, 1, 28, 28),
    classes: 10,
  }
}

function cnn1d(batch: number): Net {
  const b = new Builder('x', 'float32', [3, 1024])
  let x = 'x'
  let from = 3
  for (const to of [24, 48, 96, 96]) {
    x = b.op('Relu', [b.conv(x, from, to, [7])])
    x = b.op('MaxPool', [x], { kernel_shape: { ints: [4] }, strides: { ints: [4] } })
    from = to
  }
  const mean = b.op('ReduceMean', [x, b.ints(2)], { keepdims: { int: 0 } })
  return { name: '1-D CNN', model: b.end(b.dense(mean, 96, 6), 6), input: noise(batch, 3, 1024), classes: 6 }
}

function mobilenet(batch: number): Net {
  const b = new Builder('x', 'float32', [3, 32, 32])
  const low = b.model.graph.addInitializer('low', Tensor.scalar('float32', 0))
  const high = b.model.graph.addInitializer('high', Tensor.scalar('float32', 6))
  const relu6 = (x: string): string => b.op('Clip', [x, low, high])
  let x = relu6(b.conv('x', 3, 16, [3, 3], 2))
  let from = 16
  for (const [to, stride] of [
    [16, 1],
    [24, 2],
    [24, 1],
    [32, 2],
    [32, 1],
  ] as const) {
    const wide = relu6(b.conv(x, from, from * 6, [1, 1]))
    const deep = relu6(b.conv(wide, from * 6, from * 6, [3, 3], stride, from * 6))
    const narrow = b.conv(deep, from * 6, to, [1, 1])
    x = stride === 1 && to === from ? b.op('Add', [x, narrow]) : narrow
    from = to
  }
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])])
  return {
    name: 'MobileNetV2-like',
    model: b.end(b.dense(pooled, 32, 10), 10),
    input: noise(batch, 3, 32, 32),
    classes: 10,
  }
}

function encoder(batch: number): Net {
  const [length, width, heads, vocabulary] = [32, 64, 4, 500]
  const b = new Builder('x', 'int64', [length])
  const scale = b.model.graph.addInitializer('scale', Tensor.scalar('float32', 1 / Math.sqrt(width / heads)))
  const linear = (x: string, from: number, to: number): string =>
    b.op('Add', [b.op('MatMul', [x, b.weight(from, to)]), b.weight(to)])
  const norm = (x: string): string => b.op('LayerNormalization', [x, b.weight(width), b.weight(width)])
  const split = (x: string, perm: number[]): string =>
    b.op('Transpose', [b.op('Reshape', [x, b.ints(0, length, heads, width / heads)])], {
      perm: { ints: perm },
    })
  let x = b.op('Add', [b.op('Gather', [b.weight(vocabulary, width), 'x']), b.weight(1, length, width)])
  for (let layer = 0; layer < 2; layer++) {
    const n = norm(x)
    const [q, k, v] = [
      [0, 2, 1, 3],
      [0, 2, 3, 1],
      [0, 2, 1, 3],
    ].map((perm) => split(linear(n, width, width), perm)) as [string, string, string]
    const attention = b.op('Softmax', [b.op('Mul', [b.op('MatMul', [q, k]), scale])], { axis: { int: -1 } })
    const mixed = b.op('Transpose', [b.op('MatMul', [attention, v])], { perm: { ints: [0, 2, 1, 3] } })
    x = b.op('Add', [x, linear(b.op('Reshape', [mixed, b.ints(0, length, width)]), width, width)])
    x = b.op('Add', [x, linear(b.op('Relu', [linear(norm(x), width, 4 * width)]), 4 * width, width)])
  }
  const mean = b.op('ReduceMean', [norm(x), b.ints(1)], { keepdims: { int: 0 } })
  const random = seeded(3)
  const ids = Array.from({ length: batch * length }, () => random.below(vocabulary))
  return {
    name: 'encoder',
    model: b.end(b.dense(mean, width, 10), 10),
    input: int64([batch, length], ids),
    classes: 10,
  }
}

export const trainingNets = (batch: number): Net[] =>
  [lenet300, lenet5, cnn1d, mobilenet, encoder].map((make) => make(batch))
