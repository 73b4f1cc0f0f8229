/**
 * A model with its large weights replaced by zeros that are made when needed: shapes can be traced without
 * holding the weights, so that a model larger than memory can be inspected.
 */
import { Tensor, type DType, type Model } from '../onnx'

/** Weights below this stay: shapes may be computed from them, never from large ones. */
const LARGE = 2 ** 20

const CAN_FILL: ReadonlySet<DType> = new Set([
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
])

/** Bytes in large weights that `zeroWeightClone` can replace. */
export function largeWeightBytes(model: Model): number {
  let bytes = 0
  for (const tensor of model.graph.initializers.values()) if (isLarge(tensor)) bytes += tensor.byteLength
  return bytes
}

const isLarge = (tensor: Tensor): boolean => CAN_FILL.has(tensor.dtype) && tensor.byteLength >= LARGE

/** A clone that computes the same shapes and holds no large weight. */
export function zeroWeightClone(model: Model): Model {
  const clone = model.clone()
  const { graph } = clone
  const made = graph.nodes
  graph.nodes = []
  for (const [name, tensor] of [...graph.initializers]) {
    if (!isLarge(tensor)) continue
    graph.initializers.delete(name)
    graph.inputs = graph.inputs.filter((input) => input.name !== name)
    graph.addNode({
      opType: 'ConstantOfShape',
      inputs: [graph.addInitializer(`${name}_dims`, Tensor.int64(tensor.dims))],
      outputs: [name],
      attributes: {
        value: {
          type: 'tensor',
          value: Tensor.fromBytes(tensor.dtype, [1], new Uint8Array(tensor.bits / 8)),
        },
      },
    })
  }
  graph.nodes.push(...made)
  return clone
}
