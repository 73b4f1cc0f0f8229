/** Small networks with random weights, made operator by operator. */
import { Model, Tensor, type AttributeInput, type Dim } from '../../../../src/engine/onnx'
import { seeded } from '../../../../src/engine/math/random'

export class Net {
  readonly model = new Model()
  private readonly random
  private count = 0

  constructor(seed = 1, opset = 18) {
    this.random = seeded(seed)
    this.model.irVersion = 8
    this.model.opsets.set('', opset)
  }

  input(name: string, dims: readonly Dim[], dtype: 'float32' | 'int64' = 'float32'): string {
    this.model.graph.inputs.push({ name, dtype, dims })
    return name
  }

  output(value: string, rank: number): this {
    this.model.graph.outputs.push({ name: value, dtype: 'float32', dims: new Array<Dim>(rank).fill(null) })
    return this
  }

  name(base: string): string {
    return `${base}_${this.count++}`
  }

  weight(dims: readonly number[], base = 'w', scale?: number, shift = 0): string {
    const size = dims.reduce((n, d) => n * d, 1)
    const fan = dims.length > 1 ? size / dims[0]! : 1
    const spread = scale ?? 1 / Math.sqrt(fan)
    const values = Float32Array.from({ length: size }, () => this.random.normal() * spread + shift)
    return this.constant(base, Tensor.float32(dims, values))
  }

  constant(base: string, tensor: Tensor): string {
    const name = this.name(base)
    this.model.graph.initializers.set(name, tensor)
    return name
  }

  ints(values: readonly number[], dims?: readonly number[]): string {
    return this.constant('ints', Tensor.int64(values, dims))
  }

  op(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeInput> = {},
    outputs = 1,
    domain = '',
  ): string {
    return this.ops(opType, inputs, attributes, outputs, domain)[0]!
  }

  ops(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeInput> = {},
    outputs = 1,
    domain = '',
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.name(opType))
    this.model.graph.addNode({ opType, domain, name: `n_${names[0]}`, inputs, outputs: names, attributes })
    return names
  }

  conv(
    x: string,
    channelsIn: number,
    channelsOut: number,
    k: number,
    more: { group?: number; stride?: number; bias?: boolean; w?: string } = {},
  ): string {
    const group = more.group ?? 1
    const w = more.w ?? this.weight([channelsOut, channelsIn / group, k, k])
    const inputs = more.bias === false ? [x, w] : [x, w, this.weight([channelsOut], 'b', 0.3)]
    const pad = Math.floor(k / 2)
    return this.op('Conv', inputs, {
      group: { int: group },
      kernel_shape: { ints: [k, k] },
      pads: { ints: [pad, pad, pad, pad] },
      strides: { ints: [more.stride ?? 1, more.stride ?? 1] },
    })
  }

  norm(x: string, channels: number): string {
    return this.op('BatchNormalization', [
      x,
      this.weight([channels], 'gamma', 0.3, 1),
      this.weight([channels], 'beta', 0.3),
      this.weight([channels], 'mean', 0.2),
      this.constant(
        'var',
        Tensor.float32(
          [channels],
          Array.from({ length: channels }, () => 0.5 + this.random.next()),
        ),
      ),
    ])
  }

  relu(x: string): string {
    return this.op('Relu', [x])
  }

  cbr(
    x: string,
    channelsIn: number,
    channelsOut: number,
    k: number,
    more: { group?: number; stride?: number } = {},
  ): string {
    return this.relu(
      this.norm(this.conv(x, channelsIn, channelsOut, k, { ...more, bias: false }), channelsOut),
    )
  }

  gemm(x: string, from: number, to: number): string {
    return this.op('Gemm', [x, this.weight([to, from]), this.weight([to], 'b', 0.3)], { transB: { int: 1 } })
  }

  /** Dense layer as MatMul and Add, for more than two axes. */
  dense(x: string, from: number, to: number): string {
    return this.op('Add', [
      this.op('MatMul', [x, this.weight([from, to], 'w', 1 / Math.sqrt(from))]),
      this.weight([to], 'b', 0.3),
    ])
  }

  /** Global pooling and a classifier. */
  head(x: string, channels: number, classes = 5): this {
    const pooled = this.op('Flatten', [this.op('GlobalAveragePool', [x])])
    return this.output(this.gemm(pooled, channels, classes), 2)
  }

  done(): Model {
    this.model.graph.sort()
    return this.model
  }
}
