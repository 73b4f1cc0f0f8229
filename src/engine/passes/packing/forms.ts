/** Ways to store a constant, each with the plain ONNX nodes that bring it back when a session is created. */
import zlib from 'node:zlib'
import { digitsPerByte, digitTable, packDigits } from '../../math/digits'
import { distinctValues, encodeGaps } from '../../math/gap-code'
import { sizeOf, Tensor, type Graph, type NodeInit } from '../../onnx'

/** A stored form: constants by role, and how to write the nodes from their names. */
export interface Form {
  kind: 'float16' | 'table' | 'digits' | 'gaps'
  constants: Record<string, Tensor>
  nodes(names: Record<string, string>, output: string, fresh: (base: string) => string): NodeInit[]
}

/** Deflated size of bytes, as an entry of a zip. */
export const deflated = (bytes: Uint8Array): number => zlib.deflateRawSync(bytes, { level: 9 }).length

/** Names, headers and nodes of a form, deflated: measured on small models. */
const NODE_COST = 22
const CONSTANT_COST = 18

export function costOf(form: Form): number {
  const constants = Object.values(form.constants)
  const names = Object.fromEntries(Object.keys(form.constants).map((role) => [role, role]))
  const data = Buffer.concat(constants.map((tensor) => tensor.bytes()))
  return (
    deflated(data) +
    CONSTANT_COST * constants.length +
    NODE_COST * form.nodes(names, 'y', (base) => base).length
  )
}

const cast = (input: string, output: string, to: number): NodeInit => ({
  opType: 'Cast',
  inputs: [input],
  outputs: [output],
  attributes: { to: { int: to } },
})

const FLOAT = 1
const INT32 = 6

/** Half precision, brought back by a Cast. Undefined where a value would overflow or vanish. */
export function asFloat16(tensor: Tensor): Form | undefined {
  const values = tensor.floats()
  if (!values.every((x) => Math.abs(x) < 60000 && (x === 0 || Math.abs(x) > 1e-7))) return undefined
  return {
    kind: 'float16',
    constants: { half: Tensor.of('float16', tensor.dims, values) },
    nodes: ({ half }, output) => [cast(half!, output, FLOAT)],
  }
}

/** A table of at most 256 values and a byte an element. */
export function asTable(tensor: Tensor): Form | undefined {
  const found = distinctValues(tensor.floats())
  if (!found) return undefined
  return {
    kind: 'table',
    constants: {
      table: Tensor.float32([found.table.length], found.table),
      codes: Tensor.fromBytes('uint8', tensor.dims, found.codes),
    },
    nodes({ table, codes }, output, fresh) {
      const indices = fresh('i')
      return [
        cast(codes!, indices, INT32),
        { opType: 'Gather', inputs: [table!, indices], outputs: [output] },
      ]
    },
  }
}

/** Values a table may have for two or more codes to fit a byte. */
const MOST_FOR_DIGITS = 16

/**
 * A table of few values and several codes a byte, as the digits of a number: deflate works on bytes, and spends
 * half a bit a weight more on codes that come one a byte.
 */
export function asDigits(tensor: Tensor): Form | undefined {
  const found = distinctValues(tensor.floats())
  if (!found || found.table.length < 2 || found.table.length > MOST_FOR_DIGITS) return undefined
  const base = found.table.length
  const perByte = digitsPerByte(base)
  const size = sizeOf(tensor.dims)
  const padded = Math.ceil(size / perByte) * perByte
  return {
    kind: 'digits',
    constants: {
      table: Tensor.float32([base], found.table),
      codes: Tensor.fromBytes('uint8', [padded / perByte], packDigits(found.codes, base)),
      // Equal for every tensor of so many values, and then stored once.
      digits: Tensor.of('int32', [base ** perByte, perByte], digitTable(base)),
      shape: Tensor.int64(tensor.dims),
      ...(padded > size && {
        flat: Tensor.int64([-1]),
        start: Tensor.int64([0]),
        end: Tensor.int64([size]),
      }),
    },
    nodes({ table, codes, digits, shape, flat, start, end }, output, fresh) {
      const [bytes, indices, values] = ['b', 'i', 'v'].map(fresh) as [string, string, string]
      const nodes: NodeInit[] = [
        cast(codes!, bytes, INT32),
        { opType: 'Gather', inputs: [digits!, bytes], outputs: [indices] },
        { opType: 'Gather', inputs: [table!, indices], outputs: [values] },
      ]
      const whole = { opType: 'Reshape', inputs: [values, shape!], outputs: [output] }
      if (!flat) return [...nodes, whole]
      const [row, cut] = ['r', 'c'].map(fresh) as [string, string]
      return [
        ...nodes,
        { opType: 'Reshape', inputs: [values, flat], outputs: [row] },
        { opType: 'Slice', inputs: [row, start!, end!], outputs: [cut] },
        { ...whole, inputs: [cut, shape!] },
      ]
    },
  }
}

/** A table, and only the elements that are not zero: their distances and their codes. */
export function asGaps(tensor: Tensor): Form | undefined {
  const found = distinctValues(tensor.floats())
  const zero = found ? found.table.indexOf(0) : -1
  if (!found || zero < 0) return undefined
  const { gaps, codes } = encodeGaps(found.codes, zero)
  if (gaps.length === 0) return undefined
  return {
    kind: 'gaps',
    constants: {
      table: Tensor.float32([found.table.length], found.table),
      gaps: Tensor.fromBytes('uint8', [gaps.length], gaps),
      codes: Tensor.fromBytes('uint8', [codes.length], codes),
      axis: Tensor.of('int32', [], [0]),
      size: Tensor.int64([sizeOf(tensor.dims)]),
      shape: Tensor.int64(tensor.dims),
    },
    nodes({ table, gaps: distances, codes: entries, axis, size, shape }, output, fresh) {
      const [steps, places, indices, values, empty, flat] = ['g', 'p', 'i', 'v', 'z', 'f'].map(fresh) as [
        string,
        string,
        string,
        string,
        string,
        string,
      ]
      return [
        cast(distances!, steps, INT32),
        { opType: 'CumSum', inputs: [steps, axis!], outputs: [places] },
        cast(entries!, indices, INT32),
        { opType: 'Gather', inputs: [table!, indices], outputs: [values] },
        { opType: 'ConstantOfShape', inputs: [size!], outputs: [empty] },
        { opType: 'ScatterElements', inputs: [empty, places, values], outputs: [flat] },
        { opType: 'Reshape', inputs: [flat, shape!], outputs: [output] },
      ]
    },
  }
}

/** Replaces an initializer by a form; equal small constants (axes, shapes) are shared through `shared`. */
export function writeForm(graph: Graph, name: string, form: Form, shared: Map<string, string>): void {
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
