/**
 * Models of other float types as float32 ones, so that passes meet one kind of float; the interface keeps its
 * types. Source: ONNX Cast.
 */
import { codeOf, Tensor, type DType, type Graph, type Model } from '../../onnx'

const HALVES: readonly (DType | undefined)[] = ['float16', 'bfloat16']
const HALF_CODES = new Set([codeOf('float16'), codeOf('bfloat16')])
const FLOAT32 = codeOf('float32')

export const isHalfType = (dtype: DType | undefined): boolean => HALVES.includes(dtype)

export const isHalf = (model: Model): boolean =>
  [...model.constants()].some(({ tensor }) => HALVES.includes(tensor.dtype) && tensor.size > 1)

/** Edits the model; values that were rounded to half precision on the way are so no more. */
export function widen(model: Model): void {
  for (const graph of model.graphs()) {
    for (const [name, tensor] of graph.initializers)
      if (HALVES.includes(tensor.dtype)) graph.initializers.set(name, wide(tensor))
    for (const node of graph.nodes) {
      for (const name of ['to', 'dtype'])
        if (HALF_CODES.has(node.int(name, 0))) node.set(name, { int: FLOAT32 })
      for (const [name, attribute] of node.attributes)
        if (attribute.type === 'tensor' && HALVES.includes(attribute.value.dtype))
          node.attributes.set(name, { type: 'tensor', value: wide(attribute.value) })
    }
    for (const [name, info] of graph.valueInfo)
      if (!info.dtype || HALVES.includes(info.dtype)) graph.valueInfo.delete(name)
    dropIdleCasts(graph)
  }
  keepInterface(model.graph)
  model.graph.sort()
}

const wide = (tensor: Tensor): Tensor =>
  Tensor.lazy('float32', tensor.dims, () => {
    const floats = tensor.floats()
    return new Uint8Array(floats.buffer as ArrayBuffer, floats.byteOffset, floats.byteLength)
  })

/** Casts of weights that are float32 now anyway. */
function dropIdleCasts(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    const tensor =
      node.is('Cast') && node.int('to', 0) === FLOAT32 ? graph.initializers.get(node.inputs[0]!) : undefined
    if (tensor?.dtype !== 'float32' || graph.isOutput(node.outputs[0]!)) continue
    graph.removeNode(node)
    graph.replaceUses(node.outputs[0]!, node.inputs[0]!)
  }
}

function keepInterface(graph: Graph): void {
  for (const { name, dtype } of graph.requiredInputs) {
    if (!HALVES.includes(dtype)) continue
    const float = graph.freshName(`${name}_float`)
    graph.replaceUses(name, float)
    graph.addNode({ opType: 'Cast', inputs: [name], outputs: [float], attributes: { to: { int: FLOAT32 } } })
  }
  for (const { name, dtype } of graph.outputs) {
    const producer = graph.producer(name)
    if (!producer || !dtype || !HALVES.includes(dtype)) continue
    const float = graph.freshName(`${name}_float`)
    producer.outputs = producer.outputs.map((output) => (output === name ? float : output))
    graph.replaceUses(name, float)
    graph.addNode({
      opType: 'Cast',
      inputs: [float],
      outputs: [name],
      attributes: { to: { int: codeOf(dtype) } },
    })
  }
}
