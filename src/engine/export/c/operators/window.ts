/** How windows of convolutions and pools lie on their input. Source: ONNX Conv, AveragePool. */
import type { Node } from '../../../onnx'

export interface Window {
  kernel: readonly number[]
  strides: readonly number[]
  dilations: readonly number[]
  /** Elements before the input along each axis. */
  before: readonly number[]
  after: readonly number[]
}

/** By spatial axes. */
export function windowOf(
  node: Node,
  input: readonly number[],
  output: readonly number[],
  kernel: readonly number[],
): Window {
  const strides = node.ints('strides') ?? kernel.map(() => 1)
  const dilations = node.ints('dilations') ?? kernel.map(() => 1)
  const pads = node.ints('pads') ?? kernel.flatMap(() => [0, 0])
  const auto = node.string('auto_pad', 'NOTSET')
  const total = kernel.map((size, i) =>
    Math.max(0, (output[i]! - 1) * strides[i]! + (size - 1) * dilations[i]! + 1 - input[i]!),
  )
  const half = total.map((count) => (auto === 'SAME_LOWER' ? Math.ceil(count / 2) : Math.floor(count / 2)))
  const isSame = auto.startsWith('SAME')
  const before = auto === 'NOTSET' ? pads.slice(0, kernel.length) : isSame ? half : kernel.map(() => 0)
  const after =
    auto === 'NOTSET'
      ? pads.slice(kernel.length)
      : isSame
        ? total.map((count, i) => count - half[i]!)
        : kernel.map(() => 0)
  return { kernel, strides, dilations, before, after }
}
