/** One way to write a constant. */
import { Tensor, textOf, type AttributeValue, type Model, type Node } from '../../onnx'

/** Constant nodes become initializers, of nested graphs too; `which` narrows them. Gives how many. */
export function constantsToInitializers(
  model: Model,
  which: (tensor: Tensor) => boolean = () => true,
): number {
  let moved = 0
  for (const graph of model.graphs())
    for (const node of [...graph.nodes]) {
      const [name] = node.outputs
      const tensor = node.is('Constant') && name && !graph.isOutput(name) ? constantOf(node) : undefined
      if (!tensor || !which(tensor)) continue
      graph.initializers.set(name!, tensor)
      graph.removeNode(node)
      moved++
    }
  return moved
}

/** Source: ONNX Constant, its alternative attributes. A sparse value is left where it is. */
function constantOf(node: Node): Tensor | undefined {
  const get = <T extends AttributeValue['type']>(
    name: string,
    type: T,
  ): Extract<AttributeValue, { type: T }> | undefined => {
    const attribute = node.attributes.get(name)
    return attribute?.type === type ? (attribute as Extract<AttributeValue, { type: T }>) : undefined
  }
  const whole = node.tensor('value')
  if (whole) return whole
  const float = get('value_float', 'float')
  if (float) return Tensor.float32([], [float.value])
  const floats = get('value_floats', 'floats')
  if (floats) return Tensor.float32([floats.value.length], floats.value)
  const int = get('value_int', 'int')
  if (int) return int64s([], [int.value])
  const ints = get('value_ints', 'ints')
  if (ints) return int64s([ints.value.length], ints.value)
  const string = get('value_string', 'string')
  if (string) return Tensor.fromStrings([], [textOf(string.value)])
  const strings = get('value_strings', 'strings')
  return strings && Tensor.fromStrings([strings.value.length], strings.value.map(textOf))
}

function int64s(dims: number[], values: readonly (number | bigint)[]): Tensor {
  return Tensor.fromBytes('int64', dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
}
