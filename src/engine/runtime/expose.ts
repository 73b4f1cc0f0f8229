/** Making intermediate values visible to callers of ONNX Runtime. */
import { Node, type DType, type Model, type ValueInfo } from '../onnx'
import { withSession } from './session'

/** Names of values that nodes of the main graph compute; constants are not among them. */
export function computedValues(model: Model): string[] {
  const names: string[] = []
  for (const node of model.graph.nodes) {
    if (node.is('Constant')) continue
    for (const output of node.outputs) if (output) names.push(output)
  }
  return names
}

/**
 * A clone that also hands out `names`. Element types come from the model where it says them; ONNX Runtime
 * infers the others. Names that already are outputs stay as they are.
 */
export function withOutputs(model: Model, names: readonly string[]): Model {
  const clone = model.clone()
  const have = new Set(clone.graph.outputs.map((output) => output.name))
  for (const name of names) {
    if (have.has(name)) continue
    have.add(name)
    clone.graph.outputs.push(portOf(model.graph.valueInfo.get(name), name))
  }
  return clone
}

/** A clone of only as much of a model as computes `names`, which it hands out; its inputs stay. */
export function prefixOf(model: Model, names: readonly string[]): Model {
  const part = model.clone()
  const known = new Map([...model.graph.valueInfo.values(), ...model.graph.outputs].map((i) => [i.name, i]))
  part.graph.outputs = names.map((name) => portOf(known.get(name), name))
  part.graph.prune()
  part.metadata.clear()
  return part
}

/** The type without the shape: a recorded shape may hold for another batch than the one that runs. */
function portOf(info: ValueInfo | undefined, name: string): ValueInfo {
  if (info?.dtype) return { name, dtype: info.dtype }
  return info?.raw ? { name, raw: info.raw } : { name }
}

/** Which of `names` are tensors, with the element type ONNX Runtime infers, in their order. Runs nothing. */
export async function typesOf(model: Model, names: readonly string[]): Promise<Map<string, DType>> {
  return withSession(withOutputs(model, names), { optimization: 'disabled' }, async (session) => {
    const known = new Map(session.outputTypes.map(({ name, dtype }) => [name, dtype]))
    const types = new Map<string, DType>()
    for (const name of names) {
      const dtype = known.get(name)
      if (dtype) types.set(name, dtype)
    }
    return types
  })
}

/**
 * A clone whose only outputs are the shapes (int64) of `names`, so that a run keeps no values. Gives the
 * output of each name. Names in the order in which they are computed are asked for as soon as they are there.
 */
export function withShapeOutputs(
  model: Model,
  names: readonly string[],
): { model: Model; shapes: Map<string, string> } {
  const clone = model.clone()
  if (!clone.opsets.has('')) clone.importOpset('', 13)
  const shapes = new Map<string, string>()
  clone.graph.outputs = []
  for (const name of names) {
    const output = clone.graph.freshName(`${name}_shape`)
    clone.graph.nodes.push(new Node({ opType: 'Shape', inputs: [name], outputs: [output] }))
    clone.graph.outputs.push({ name: output, dtype: 'int64' })
    shapes.set(name, output)
  }
  if (clone.opset >= TYPED_CONCAT) inOrder(clone, [...shapes.values()])
  return { model: clone, shapes }
}

/** From this opset on Concat takes whole numbers. */
const TYPED_CONCAT = 4

/**
 * ONNX Runtime 1.30 runs what leads to the last node first, of several inputs of a node the one whose node is listed
 * last: without this all shapes would be asked for in the end, and every value be held until then.
 */
function inOrder({ graph }: Model, shapes: readonly string[]): void {
  let before = shapes[0]
  for (const shape of shapes.slice(1)) {
    const after = graph.freshName('shapes')
    const attributes = { axis: { int: 0 } }
    graph.nodes.push(new Node({ opType: 'Concat', inputs: [before!, shape], outputs: [after], attributes }))
    before = after
  }
}
