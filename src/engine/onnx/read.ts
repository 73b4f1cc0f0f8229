/**
 * Reads ONNX without loading the weights: the structure is parsed, large fields stay ranges of the file.
 * Source: onnx.proto3.
 */
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { dtypeOfCode, type DType } from './dtype'
import { Graph, type Dim, type ValueInfo } from './graph'
import { Model, type FunctionDef } from './model'
import { Node, type AttributeValue } from './node'
import { addEntry, parseTensor, type Surroundings } from './read-tensor'
import { guessFormat } from './sniff'
import { BufferSource, FileSource, type ByteSource } from './source'
import type { Tensor } from './tensor'
import { WireReader, type Int64 } from './wire'

/**
 * Reads a model file; its weights stay in the file until asked for.
 * Throws `data/not-found`, `model/not-onnx`, `model/truncated`, `model/external-data-missing`,
 * `model/external-data-escapes`.
 */
export function readModel(file: string): Model {
  const source = new FileSource(path.resolve(file))
  const around = { file: source.name, folder: path.dirname(source.name), external: new Map(), depth: 0 }
  return parseModel(source, around)
}

/** Parses a model that lies in memory. External data cannot be resolved and is an error. */
export function decodeModel(bytes: Uint8Array, name = '(memory)'): Model {
  return parseModel(new BufferSource(bytes, name), {
    file: name,
    folder: undefined,
    external: new Map(),
    depth: 0,
  })
}

/** Parses; where that fails and the file is plainly something else, says what it is instead. */
function parseModel(source: ByteSource, around: Surroundings): Model {
  try {
    return parseFields(source, around)
  } catch (cause) {
    const broken =
      cause instanceof PareError && (cause.code === 'model/truncated' || cause.code === 'model/not-onnx')
    const reason = broken ? guessFormat(source) : undefined
    if (reason) throw new PareError('model/not-onnx', { file: around.file, reason }, { cause })
    throw cause
  }
}

function parseFields(source: ByteSource, around: Surroundings): Model {
  if (source.length === 0)
    throw new PareError('model/not-onnx', { file: around.file, reason: 'the file is empty' })
  const model = new Model()
  model.file = around.file
  model.irVersion = 0
  model.producerName = ''
  let graph: Graph | undefined
  const reader = new WireReader(source)
  model.unknown = reader.fields((field, wire) => {
    if (field === 1 && wire === 0) model.irVersion = Number(reader.int64())
    else if (field === 2 && wire === 2) model.producerName = reader.text()
    else if (field === 3 && wire === 2) model.producerVersion = reader.text()
    else if (field === 4 && wire === 2) model.domain = reader.text()
    else if (field === 5 && wire === 0) model.modelVersion = Number(reader.int64())
    else if (field === 6 && wire === 2) model.docString = reader.text()
    else if (field === 7 && wire === 2) graph = parseGraph(reader.message(), around)
    else if (field === 8 && wire === 2) addOpset(model.opsets, reader.message())
    else if (field === 14 && wire === 2) addEntry(model.metadata, reader.message())
    else if (field === 25 && wire === 2) model.functions.push(parseFunction(reader))
    else return false
    return true
  })
  if (!graph || model.opsets.size === 0) {
    const reason = graph ? 'it names no operator set' : 'it holds no graph'
    throw new PareError('model/not-onnx', { file: around.file, reason })
  }
  model.graph = graph
  refuseNames(model)
  model.externalFiles = [...around.external.keys()]
  return model
}

/** Values go by their names through objects, where this one is no name, in ONNX Runtime's binding as well. */
const RESERVED = '__proto__'

function refuseNames(model: Model): void {
  for (const { nodes, inputs, outputs, initializers } of model.graphs())
    if (
      initializers.has(RESERVED) ||
      [...inputs, ...outputs].some(({ name }) => name === RESERVED) ||
      nodes.some((node) => node.inputs.includes(RESERVED) || node.outputs.includes(RESERVED))
    )
      throw new PareError('model/invalid', {
        file: model.file,
        reason: `a value in it is called “${RESERVED}”, a name that programs in JavaScript cannot use; rename it`,
      })
}

const defaultDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

/** Reads an OperatorSetIdProto. */
export function addOpset(opsets: Map<string, number>, reader: WireReader): void {
  let domain = ''
  let version = 1
  reader.fields((field, wire) => {
    if (field === 1 && wire === 2) domain = reader.text()
    else if (field === 2 && wire === 0) version = Number(reader.int64())
    else return false
    return true
  })
  if (!Number.isSafeInteger(version)) throw reader.malformed(`operator set ${version} of “${domain}”`)
  opsets.set(defaultDomain(domain), version)
}

function parseFunction(outer: WireReader): FunctionDef {
  const raw = outer.bytes(outer.span())
  const reader = new WireReader(new BufferSource(raw, outer.source.name))
  const definition = { domain: '', name: '', raw }
  reader.fields((field, wire) => {
    if (field === 1 && wire === 2) definition.name = reader.text()
    else if (field === 10 && wire === 2) definition.domain = reader.text()
    else return false
    return true
  })
  return definition
}

/** Graphs within graphs; protobuf's own readers stop at a hundred messages, which is 33 graphs. */
const DEEPEST = 64

function parseGraph(reader: WireReader, outside: Surroundings): Graph {
  const around = { ...outside, depth: outside.depth + 1 }
  if (around.depth > DEEPEST) throw reader.malformed(`graphs nested more than ${DEEPEST} deep`)
  const graph = new Graph()
  graph.name = ''
  graph.unknown = reader.fields((field, wire) => {
    if (wire !== 2) return false
    if (field === 1) graph.nodes.push(parseNode(reader.message(), around))
    else if (field === 2) graph.name = reader.text()
    else if (field === 5) {
      const { name, tensor } = parseTensor(reader.message(), around)
      graph.initializers.set(name, tensor)
    } else if (field === 11) graph.inputs.push(parseValueInfo(reader.message()))
    else if (field === 12) graph.outputs.push(parseValueInfo(reader.message()))
    else if (field === 13) {
      const info = parseValueInfo(reader.message())
      graph.valueInfo.set(info.name, info)
    } else if (field === 15) {
      const raw = reader.bytes(reader.span())
      graph.sparseInitializers.set(sparseName(raw, around), raw)
    } else return false
    return true
  })
  return graph
}

function sparseName(raw: Uint8Array, around: Surroundings): string {
  let name = ''
  const reader = new WireReader(new BufferSource(raw, around.file))
  reader.fields((field, wire) => {
    if (field !== 1 || wire !== 2) return false
    name = parseTensor(reader.message(), around).name
    return true
  })
  return name
}

export function parseNode(reader: WireReader, around: Surroundings): Node {
  const node = new Node({ opType: '', inputs: [], outputs: [] })
  node.unknown = reader.fields((field, wire) => {
    if (wire !== 2) return false
    if (field === 1) node.inputs.push(reader.text())
    else if (field === 2) node.outputs.push(reader.text())
    else if (field === 3) node.name = reader.text()
    else if (field === 4) node.opType = reader.text()
    else if (field === 5) {
      const [name, value] = parseAttribute(reader.message(), around)
      node.attributes.set(name, value)
    } else if (field === 7) node.domain = defaultDomain(reader.text())
    else if (field === 8) node.overload = reader.text()
    else return false
    return true
  })
  return node
}

/** AttributeProto.AttributeType → how the value is told. */
const ATTRIBUTE_TYPES: Record<number, AttributeValue['type']> = {
  1: 'float',
  2: 'int',
  3: 'string',
  4: 'tensor',
  5: 'graph',
  6: 'floats',
  7: 'ints',
  8: 'strings',
  9: 'tensors',
  10: 'graphs',
}

export function parseAttribute(reader: WireReader, around: Surroundings): [string, AttributeValue] {
  const start = reader.position
  let name = ''
  let type = 0
  let reference = ''
  const seen = {
    float: 0,
    int: 0 as Int64,
    string: new Uint8Array(0) as Uint8Array,
    tensor: undefined as Tensor | undefined,
    graph: undefined as Graph | undefined,
    floats: [] as number[],
    ints: [] as Int64[],
    strings: [] as Uint8Array[],
    tensors: [] as Tensor[],
    graphs: [] as Graph[],
  }
  let guessed: AttributeValue['type'] | undefined
  const extra = reader.fields((field, wire) => {
    if (field === 1 && wire === 2) name = reader.text()
    else if (field === 2 && wire === 5) [seen.float, guessed] = [reader.float(), 'float']
    else if (field === 3 && wire === 0) [seen.int, guessed] = [reader.int64(), 'int']
    else if (field === 4 && wire === 2) [seen.string, guessed] = [reader.bytes(reader.span()), 'string']
    else if (field === 5 && wire === 2)
      [seen.tensor, guessed] = [parseTensor(reader.message(), around).tensor, 'tensor']
    else if (field === 6 && wire === 2)
      [seen.graph, guessed] = [parseGraph(reader.message(), around), 'graph']
    else if (field === 7) guessed = reader.repeated(wire, seen.floats, (r) => r.float()) && 'floats'
    else if (field === 8) guessed = reader.repeated(wire, seen.ints, (r) => r.int64()) && 'ints'
    else if (field === 9 && wire === 2) guessed = (seen.strings.push(reader.bytes(reader.span())), 'strings')
    else if (field === 10 && wire === 2)
      guessed = (seen.tensors.push(parseTensor(reader.message(), around).tensor), 'tensors')
    else if (field === 11 && wire === 2)
      guessed = (seen.graphs.push(parseGraph(reader.message(), around)), 'graphs')
    else if (field === 20 && wire === 0) type = Number(reader.varint())
    else if (field === 21 && wire === 2) reference = reader.text()
    else return false
    return true
  })
  // Models of IR version 1 carry no type; the field that is set tells it.
  const kind = type === 0 ? guessed : ATTRIBUTE_TYPES[type]
  if (!kind || kind === 'opaque' || reference) {
    const whole = new WireReader(reader.source, start, reader.end)
    const value = whole.bytes(reader.end - start)
    return [name, { type: 'opaque', value, ...(reference && { reference }) }]
  }
  const value = seen[kind]
  if (value === undefined) throw reader.malformed(`attribute ${name} without its ${kind}`)
  return [name, { type: kind, value, ...(extra.length > 0 && { extra }) } as AttributeValue]
}

function parseValueInfo(reader: WireReader): ValueInfo {
  const info: ValueInfo = { name: '' }
  info.unknown = reader.fields((field, wire) => {
    if (wire !== 2) return false
    if (field === 1) info.name = reader.text()
    else if (field === 2) {
      info.raw = reader.bytes(reader.span())
      Object.assign(info, parseType(new WireReader(new BufferSource(info.raw, reader.source.name))))
    } else return false
    return true
  })
  return info
}

function parseType(reader: WireReader): { dtype?: DType; dims?: Dim[] } {
  let dtype: DType | undefined
  let dims: Dim[] | undefined
  reader.fields((field, wire) => {
    if (field !== 1 || wire !== 2) return false
    const tensor = reader.message()
    tensor.fields((inner, innerWire) => {
      if (inner === 1 && innerWire === 0) dtype = dtypeOfCode(Number(tensor.varint()))
      else if (inner === 2 && innerWire === 2) dims = parseShape(tensor.message())
      else return false
      return true
    })
    return true
  })
  return { dtype, dims }
}

/** A length beyond what numbers tell apart says nothing. */
const size = (dim: Int64): Dim => (Number.isSafeInteger(Number(dim)) ? Number(dim) : null)

function parseShape(reader: WireReader): Dim[] {
  const dims: Dim[] = []
  reader.fields((field, wire) => {
    if (field !== 1 || wire !== 2) return false
    let dim: Dim = null
    const one = reader.message()
    one.fields((inner, innerWire) => {
      if (inner === 1 && innerWire === 0) dim = size(one.int64())
      else if (inner === 2 && innerWire === 2) dim = one.text() || null
      else return false
      return true
    })
    dims.push(dim)
    return true
  })
  return dims
}
