/** Constants in a stored form in place of the floats they stand for, and what that costs in a download. */
import zlib from 'node:zlib'
import type { StoredTensor } from '../../layers/encodings/encoding'
import type { Graph } from '../../onnx'

/** Deflated size of bytes, as an entry of a zip. */
export const deflated = (bytes: Uint8Array): number => zlib.deflateRawSync(bytes, { level: 9 }).length

/** Names, headers and nodes of a form, deflated: measured on small models. */
const NODE_COST = 22
const CONSTANT_COST = 18

export function costOf(form: StoredTensor): number {
  const constants = Object.values(form.constants)
  const names = Object.fromEntries(Object.keys(form.constants).map((role) => [role, role]))
  const data = Buffer.concat(constants.map((tensor) => tensor.bytes()))
  return (
    deflated(data) +
    CONSTANT_COST * constants.length +
    NODE_COST * form.nodes(names, 'y', (base) => base).length
  )
}

/** Replaces an initializer by a stored form; equal small constants (axes, shapes) are shared through `shared`. */
export function writeStored(
  graph: Graph,
  name: string,
  form: StoredTensor,
  shared: Map<string, string>,
): void {
  const names: Record<string, string> = {}
  for (const [role, tensor] of Object.entries(form.constants)) {
    const key = tensor.contentKey()
    const known = shared.get(key)
    names[role] = known ?? graph.addInitializer(role[0]!, tensor)
    shared.set(key, names[role])
  }
  const nodes = form.nodes(names, name, (base) => graph.freshName(base))
  graph.initializers.delete(name)
  graph.inputs = graph.inputs.filter((input) => input.name !== name)
  const anchor = graph.nodes[0]
  for (const init of nodes) graph.addNode({ ...init, name: '' }, anchor)
}
