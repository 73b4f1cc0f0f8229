/** One input or output of a graph in another type: what is put at the edge, or taken away from it. */
import { codeOf, Tensor, type DType, type Graph, type Model, type Node, type ValueInfo } from '../../onnx'
import { edgeTypes, noteEdge } from '../../runtime/edge'

/** What a port becomes; `codes` are those that QuantizeLinear makes of it. */
export type EdgeType = 'float32' | 'float16' | 'float64' | 'uint8' | 'int8' | 'codes'

export type Side = 'inputs' | 'outputs'

interface Codes {
  dtype: DType
  scale: number
  zeroPoint: number
}

const NUMBERS: ReadonlySet<DType | undefined> = new Set<DType>([
  'float16',
  'float32',
  'float64',
  'int8',
  'uint8',
])

/** Edits the model; gives why the port stays as it is, undefined where it does what is asked already. */
export function retype(model: Model, side: Side, port: ValueInfo, to: EdgeType): 'done' | string | undefined {
  const { graph } = model
  const { dtype } = port
  const types = edgeTypes(model, port)
  if (!types || !NUMBERS.has(dtype)) return `it is ${dtype ?? 'no tensor'}`
  if (to === 'codes') {
    if (types.edge && types.edge.dtype === dtype && /int/.test(dtype!)) return undefined
    const codes = side === 'inputs' ? takeQuantizer(graph, port) : takeDequantizer(graph, port)
    if (typeof codes === 'string') return codes
    const changed = { ...port, dtype: codes.dtype, raw: undefined }
    replacePort(graph, side, changed)
    noteEdge(model, changed, types.dtype, codes)
    return 'done'
  }
  if (dtype === to) return undefined
  const changed = { ...port, dtype: to, raw: undefined }
  const isCodes = dtype === 'int8' || dtype === 'uint8'
  const noted = isCodes && types.edge && types.dtype !== dtype ? types.edge : undefined
  const scaled = noted ?? (isCodes ? codesBeside(graph, side, port) : undefined)
  if (side === 'inputs') convertInput(graph, port, to, scaled)
  else convertOutput(graph, port, to, scaled)
  replacePort(graph, side, changed)
  // Samples of a model that came with codes stay codes; the file now takes the numbers that they stand for.
  const numbers =
    scaled && !noted ? { scale: 1 / scaled.scale, zeroPoint: -scaled.zeroPoint * scaled.scale } : undefined
  noteEdge(model, changed, types.dtype, numbers)
  graph.sort()
  return 'done'
}

function replacePort(graph: Graph, side: Side, changed: ValueInfo): void {
  graph[side] = graph[side].map((info) => (info.name === changed.name ? changed : info))
  graph.valueInfo.delete(changed.name)
}

/** One scale and zero point for the whole tensor, as constants; undefined for those by axis. */
function codesOf(graph: Graph, node: Node): Codes | undefined {
  const scale = graph.constant(node.inputs[1] ?? '')
  const zero = node.inputs[2] ? graph.constant(node.inputs[2]) : undefined
  if (!scale || scale.size !== 1 || (node.inputs[2] && zero?.size !== 1)) return undefined
  return { dtype: zero?.dtype ?? 'uint8', scale: scale.floats()[0]!, zeroPoint: zero?.numbers()[0] ?? 0 }
}

const same = (a: Codes | undefined, b: Codes | undefined): boolean =>
  a !== undefined && a.dtype === b?.dtype && a.scale === b.scale && a.zeroPoint === b.zeroPoint

/** The codes of an input that is quantized first; the operators that make them go. */
function takeQuantizer(graph: Graph, { name }: ValueInfo): Codes | string {
  const readers = graph.consumers(name)
  if (readers.length === 0) return 'nothing reads it'
  const other = readers.find((node) => !node.is('QuantizeLinear') || node.inputs[0] !== name)
  if (other) return `${other.opType} reads it, and not QuantizeLinear`
  const [codes, ...more] = readers.map((node) => codesOf(graph, node))
  if (!codes || !more.every((one) => same(codes, one))) return 'it is quantized by more than one scale'
  if (!/^u?int8$/.test(codes.dtype)) return `its codes are ${codes.dtype}`
  for (const node of readers) {
    const [made] = node.outputs
    if (graph.isOutput(made!)) return 'its codes are an output as well'
    graph.removeNode(node)
    graph.replaceUses(made!, name)
  }
  return codes
}

/** The codes an output is made of; the operator that makes numbers of them goes, unless others read those. */
function takeDequantizer(graph: Graph, { name }: ValueInfo): Codes | string {
  const node = graph.producer(name)
  if (!node?.is('DequantizeLinear')) return `${node?.opType ?? 'nothing'} makes it, and not DequantizeLinear`
  const codes = codesOf(graph, node)
  const [made] = node.inputs
  const maker = graph.producer(made!)
  if (!codes) return 'it has more than one scale'
  if (!/^u?int8$/.test(codes.dtype)) return `its codes are ${codes.dtype}`
  if (!maker || graph.isOutput(made!)) return 'its codes are an input or output as well'
  const numbers = graph.freshName(`${name}_numbers`)
  if (graph.consumers(name).length > 0) {
    node.outputs = [numbers]
    graph.replaceUses(name, numbers)
  } else graph.removeNode(node)
  maker.outputs = maker.outputs.map((output) => (output === made ? name : output))
  graph.replaceUses(made!, name)
  return codes
}

/** The codes that a port of 8 bits holds, where the model itself says what they stand for. */
function codesBeside(graph: Graph, side: Side, { name, dtype }: ValueInfo): Codes | undefined {
  const nodes = side === 'inputs' ? graph.consumers(name) : [graph.producer(name)]
  const op = side === 'inputs' ? 'DequantizeLinear' : 'QuantizeLinear'
  const all = nodes.map((node) => (node?.is(op) ? codesOf(graph, node) : undefined))
  return all[0] && all.every((one) => same(all[0], one)) ? { ...all[0], dtype: dtype! } : undefined
}

const cast = (to: DType): { opType: string; attributes: { to: { int: number } } } => ({
  opType: 'Cast',
  attributes: { to: { int: codeOf(to) } },
})

const scales = (graph: Graph, name: string, { dtype, scale, zeroPoint }: Codes): string[] => [
  graph.addInitializer(`${name}_scale`, Tensor.scalar('float32', scale)),
  graph.addInitializer(`${name}_zero_point`, Tensor.scalar(dtype, zeroPoint)),
]

/** QuantizeLinear takes float32 in every operator set: other floats are cast on the way. */
function convertInput(
  graph: Graph,
  { name, dtype }: ValueInfo,
  to: EdgeType,
  codes: Codes | undefined,
): void {
  const inner = graph.freshName(`${name}_${dtype}`)
  graph.replaceUses(name, inner)
  if (!codes) {
    graph.addNode({ ...cast(dtype!), inputs: [name], outputs: [inner] })
    return
  }
  let floats = name
  if (to !== 'float32') {
    floats = graph.freshName(`${name}_float`)
    graph.addNode({ ...cast('float32'), inputs: [name], outputs: [floats] })
  }
  const quantizer = { opType: 'QuantizeLinear', outputs: [inner] }
  graph.addNode({ ...quantizer, inputs: [floats, ...scales(graph, name, codes)] })
}

function convertOutput(
  graph: Graph,
  { name, dtype }: ValueInfo,
  to: EdgeType,
  codes: Codes | undefined,
): void {
  const producer = graph.producer(name)!
  const inner = graph.freshName(`${name}_${dtype}`)
  producer.outputs = producer.outputs.map((output) => (output === name ? inner : output))
  graph.replaceUses(name, inner)
  if (!codes) {
    graph.addNode({ ...cast(to as DType), inputs: [inner], outputs: [name] })
    return
  }
  const floats = to === 'float32' ? name : graph.freshName(`${name}_float`)
  const inputs = [inner, ...scales(graph, name, codes)]
  graph.addNode({ opType: 'DequantizeLinear', inputs, outputs: [floats] })
  if (floats !== name) graph.addNode({ ...cast(to as DType), inputs: [floats], outputs: [name] })
}
