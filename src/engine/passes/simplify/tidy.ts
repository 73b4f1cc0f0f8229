/** Edits that change how a graph is written and nothing of what it computes. */
import { Tensor, type AttributeValue, type Graph, type Model, type Node } from '../../onnx'

/** Constant nodes become initializers, of nested graphs too. Gives how many. */
export function constantsToInitializers(model: Model): number {
  let moved = 0
  for (const graph of model.graphs())
    for (const node of [...graph.nodes]) {
      const [name] = node.outputs
      const tensor = node.is('Constant') && name && !graph.isOutput(name) ? constantOf(node) : undefined
      if (!tensor) continue
      graph.initializers.set(name!, tensor)
      graph.removeNode(node)
      moved++
    }
  return moved
}

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

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
  if (string) return Tensor.fromStrings([], [utf8(string.value)])
  const strings = get('value_strings', 'strings')
  return strings && Tensor.fromStrings([strings.value.length], strings.value.map(utf8))
}

function int64s(dims: number[], values: readonly (number | bigint)[]): Tensor {
  return Tensor.fromBytes('int64', dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
}

/** Identity, and Dropout outside training, removed from the main graph. Gives how many. */
export function removeForwarders(graph: Graph): number {
  let removed = 0
  for (const node of [...graph.nodes]) {
    if (!isForwarder(graph, node)) continue
    const [from, to] = [node.inputs[0]!, node.outputs[0]!]
    if (!graph.isOutput(to)) graph.replaceUses(to, from)
    else if (canRename(graph, from)) renameProduced(graph, from, to, node)
    else continue
    graph.removeNode(node)
    graph.valueInfo.delete(from === to ? '' : to)
    removed++
  }
  return removed
}

function isForwarder(graph: Graph, node: Node): boolean {
  if (node.is('Identity')) return true
  if (!node.is('Dropout')) return false
  const mask = node.outputs[1]
  if (mask && (graph.isOutput(mask) || graph.consumers(mask).length > 0)) return false
  return !node.inputs[2] || graph.constant(node.inputs[2])?.numbers()[0] === 0
}

/** A graph output keeps its name, so what it forwards must be free to take that name. */
const canRename = (graph: Graph, from: string): boolean =>
  graph.producer(from) !== undefined && !graph.isOutput(from)

function renameProduced(graph: Graph, from: string, to: string, forwarder: Node): void {
  const producer = graph.producer(from)!
  producer.outputs = producer.outputs.map((output) => (output === from ? to : output))
  graph.replaceUses(from, to, (reader) => reader !== forwarder)
  graph.valueInfo.delete(from)
}

/** Elements from which equal float matrices are taken for tied weights; below, equality is often chance. */
const TIED_FROM = 1024

/**
 * Constants of equal content become one: tied weights stored twice, and the small integers exporters repeat.
 * Small float tensors stay apart, as layers that merely start equal are trained apart. Gives the bytes saved.
 */
export function mergeConstants(graph: Graph): number {
  const first = new Map<string, string>()
  const inputs = new Set(graph.inputs.map((input) => input.name))
  let saved = 0
  for (const [name, tensor] of [...graph.initializers]) {
    if (inputs.has(name) || graph.isOutput(name) || tensor.source.strings) continue
    const isTied = tensor.dims.length >= 2 && tensor.size >= TIED_FROM
    const isSmallInteger = ['int64', 'int32', 'bool'].includes(tensor.dtype) && tensor.size <= 64
    if (!isTied && !isSmallInteger) continue
    const key = tensor.contentKey()
    const same = first.get(key)
    if (same === undefined) first.set(key, name)
    else {
      graph.replaceUses(name, same)
      graph.initializers.delete(name)
      saved += tensor.byteLength
    }
  }
  return saved
}

/** Domains that no node, function or nested graph uses are no longer imported. */
export function dropUnusedOpsets(model: Model): void {
  const used = new Set(['', ...model.functions.map(({ domain }) => domain)])
  for (const graph of model.graphs()) for (const node of graph.nodes) used.add(node.domain)
  if (model.functions.length > 0) return
  for (const domain of [...model.opsets.keys()]) if (!used.has(domain)) model.opsets.delete(domain)
}
