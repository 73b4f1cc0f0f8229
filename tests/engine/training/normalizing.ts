/** A small network with a normalization layer right behind its input, so that what it learned says what its inputs were. */
import { Model, Tensor, type Dim } from '../../../src/engine/onnx'

/** [batch, 2, 8, 8] by a 1 × 1 convolution that leaves channels as they are, BatchNormalization, Relu and a product, to scores of 3 classes. */
export function normalizing(
  { mean, variance }: { mean: readonly number[]; variance: readonly number[] },
  batch: Dim,
): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const { graph } = model
  graph.inputs = [{ name: 'x', dtype: 'float32', dims: [batch, 2, 8, 8] }]
  graph.outputs = [{ name: 'scores', dtype: 'float32', dims: [batch, 3] }]
  const floats = (name: string, dims: number[], values: readonly number[]): string => {
    graph.initializers.set(name, Tensor.float32(dims, [...values]))
    return name
  }
  const node = (opType: string, inputs: string[], output: string): void =>
    void graph.addNode({ opType, inputs, outputs: [output] })
  const weight = Array.from({ length: 2 * 64 * 3 }, (_, i) => Math.sin(i + 1) / 8)
  node('Conv', ['x', floats('kernel', [2, 2, 1, 1], [1, 0, 0, 1])], 'h')
  const learned = [
    floats('gamma', [2], [1, 0.5]),
    floats('beta', [2], [0.2, 0]),
    floats('mean', [2], mean),
    floats('variance', [2], variance),
  ]
  node('BatchNormalization', ['h', ...learned], 'n')
  node('Relu', ['n'], 'r')
  node('Flatten', ['r'], 'flat')
  node('MatMul', ['flat', floats('weight', [128, 3], weight)], 'scores')
  return model
}
