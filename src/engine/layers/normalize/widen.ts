/**
 * Models of other float types as float32 ones, so that passes meet one kind of float; the interface keeps its
 * types. Source: ONNX Cast.
 */
import { codeOf, Tensor, type DType, type Graph, type Model, type ValueInfo } from '../../onnx'

const HALVES: readonly (DType | undefined)[] = ['float16', 'bfloat16']
const DOUBLES: readonly (DType | undefined)[] = ['float64']
const FLOAT32 = codeOf('float32')

export const isHalfType = (dtype: DType | undefined): boolean => HALVES.includes(dtype)

export const isHalf = (model: Model): boolean =>
  [...model.constants()].some(({ tensor }) => HALVES.includes(tensor.dtype) && tensor.size > 1)

/** Whether matrices are of double precision; single numbers of it are often sizes that the graph computes. */
export const isDouble = (model: Model): boolean =>
  [...model.constants()].some(
    ({ tensor: { dtype, dims, size } }) => DOUBLES.includes(dtype) && dims.length > 1 && size > 1,
  )

/** Largest finite float32. Source: IEEE 754. */
const LARGEST = 2 ** 128 - 2 ** 104

/** Why doubles cannot be rounded to float32, by the first that is finite and would not be: it would become infinite. */
export function beyondFloat32(model: Model): { name: string; reason: string } | undefined {
  for (const { name, tensor } of model.constants()) {
    if (tensor.dtype !== 'float64') continue
    let reaches = 0
    for (const value of tensor.numbers())
      if (Number.isFinite(value)) reaches = Math.max(reaches, Math.abs(value))
    if (reaches > LARGEST)
      return {
        name,
        reason: `“${name}” reaches ${reaches.toExponential(1)}, and float32 ends at ${LARGEST.toExponential(1)}: the model needs double precision`,
      }
  }
  return undefined
}

/** Edits the model; values that were rounded to half precision on the way are so no more. */
export const widen = (model: Model): void => toFloat32(model, HALVES)

/** Edits the model; what was computed in double precision is rounded to float32 on the way. */
export const narrow = (model: Model): void => toFloat32(model, DOUBLES)

function toFloat32(model: Model, from: readonly (DType | undefined)[]): void {
  const codes = new Set(from.map((dtype) => codeOf(dtype!)))
  for (const graph of model.graphs()) {
    for (const [name, tensor] of graph.initializers)
      if (from.includes(tensor.dtype)) graph.initializers.set(name, single(tensor))
    for (const node of graph.nodes) {
      for (const name of ['to', 'dtype']) if (codes.has(node.int(name, 0))) node.set(name, { int: FLOAT32 })
      for (const [name, attribute] of node.attributes)
        if (attribute.type === 'tensor' && from.includes(attribute.value.dtype))
          node.attributes.set(name, { type: 'tensor', value: single(attribute.value) })
    }
    for (const [name, info] of graph.valueInfo)
      if (!info.dtype || from.includes(info.dtype)) graph.valueInfo.delete(name)
    if (graph !== model.graph) {
      graph.inputs = graph.inputs.map((info) => singlePort(info, from))
      graph.outputs = graph.outputs.map((info) => singlePort(info, from))
    }
    dropIdleCasts(graph)
  }
  keepInterface(model.graph, from)
  model.graph.sort()
}

/** Of bodies of loops and branches, which meet nobody outside the model, and of weights listed as inputs. */
const singlePort = (info: ValueInfo, from: readonly (DType | undefined)[]): ValueInfo =>
  from.includes(info.dtype) ? { ...info, dtype: 'float32', raw: undefined } : info

const single = (tensor: Tensor): Tensor =>
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

function keepInterface(graph: Graph, from: readonly (DType | undefined)[]): void {
  graph.inputs = graph.inputs.map((info) =>
    graph.initializers.has(info.name) ? singlePort(info, from) : info,
  )
  for (const { name, dtype } of graph.requiredInputs) {
    if (!from.includes(dtype)) continue
    const float = graph.freshName(`${name}_float`)
    graph.replaceUses(name, float)
    graph.addNode({ opType: 'Cast', inputs: [name], outputs: [float], attributes: { to: { int: FLOAT32 } } })
  }
  for (const { name, dtype } of graph.outputs) {
    const producer = graph.producer(name)
    if (!producer || !dtype || !from.includes(dtype)) continue
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
