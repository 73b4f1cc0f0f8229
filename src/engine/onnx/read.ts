/**
 * Reads ONNX without loading the weights: the structure is parsed, large fields stay ranges of the file.
 * Source: onnx.proto3.
 */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { bitsOf, dtypeOfCode, packedBytes, type DType } from './dtype'
import { Graph, type Dim, type ValueInfo } from './graph'
import { Model, type FunctionDef } from './model'
import { Node, type AttributeValue } from './node'
import { BufferSource, FileSource, type ByteSource } from './source'
import { sizeOf, Tensor, type TensorSource } from './tensor'
import { WireReader, type Int64 } from './wire'

/** Where external data of a model lies; a location may not leave `folder`. */
interface Surroundings {
  file: string
  folder: string | undefined
  external: Map<string, FileSource>
}

/** Fields up to this size are copied into memory when met; larger ones are left in the file. */
const KEEP_IN_FILE = 4096

/**
 * Reads a model file; its weights stay in the file until asked for.
 * Throws `data/not-found`, `model/not-onnx`, `model/truncated`, `model/external-data-missing`,
 * `model/external-data-escapes`.
 */
export function readModel(file: string): Model {
  const source = new FileSource(path.resolve(file))
  return parseModel(source, { file: source.name, folder: path.dirname(source.name), external: new Map() })
}

/** Parses a model that lies in memory. External data cannot be resolved and is an error. */
export function decodeModel(bytes: Uint8Array, name = '(memory)'): Model {
  return parseModel(new BufferSource(bytes, name), { file: name, folder: undefined, external: new Map() })
}

function parseModel(source: ByteSource, around: Surroundings): Model {
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
    else if (field === 8 && wire === 2) addOpset(model, reader.message())
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
  model.externalFiles = [...around.external.keys()]
  return model
}

const defaultDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain)

function addOpset(model: Model, reader: WireReader): void {
  let domain = ''
  let version = 1
  reader.fields((field, wire) => {
    if (field === 1 && wire === 2) domain = reader.text()
    else if (field === 2 && wire === 0) version = Number(reader.int64())
    else return false
    return true
  })
  model.opsets.set(defaultDomain(domain), version)
}

function addEntry(into: Map<string, string>, reader: WireReader): void {
  let key = ''
  let value = ''
  reader.fields((field, wire) => {
    if (field === 1 && wire === 2) key = reader.text()
    else if (field === 2 && wire === 2) value = reader.text()
    else return false
    return true
  })
  into.set(key, value)
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

function parseGraph(reader: WireReader, around: Surroundings): Graph {
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

function parseNode(reader: WireReader, around: Surroundings): Node {
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

function parseAttribute(reader: WireReader, around: Surroundings): [string, AttributeValue] {
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
  reader.fields((field, wire) => {
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
    return [name, { type: 'opaque', value: whole.bytes(reader.end - start) }]
  }
  const value = seen[kind]
  if (value === undefined) throw reader.malformed(`attribute ${name} without its ${kind}`)
  return [name, { type: kind, value } as AttributeValue]
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

function parseShape(reader: WireReader): Dim[] {
  const dims: Dim[] = []
  reader.fields((field, wire) => {
    if (field !== 1 || wire !== 2) return false
    let dim: Dim = null
    const one = reader.message()
    one.fields((inner, innerWire) => {
      if (inner === 1 && innerWire === 0) dim = Number(one.int64())
      else if (inner === 2 && innerWire === 2) dim = one.text() || null
      else return false
      return true
    })
    dims.push(dim)
    return true
  })
  return dims
}

/** Payload of a typed data field (float_data and the like): one range per occurrence on the wire. */
interface TypedField {
  field: number
  wire: number
  offset: number
  length: number
}

function parseTensor(reader: WireReader, around: Surroundings): { name: string; tensor: Tensor } {
  const { source } = reader
  const dims: Int64[] = []
  let code = 0
  let name = ''
  let raw: { offset: number; length: number } | undefined
  const typed: TypedField[] = []
  const strings: string[] = []
  const external = new Map<string, string>()
  let isExternal = false
  const extra = reader.fields((field, wire) => {
    if (field === 1) return reader.repeated(wire, dims, (r) => r.int64())
    if (field === 2 && wire === 0) code = Number(reader.varint())
    else if (field === 6 && wire === 2) strings.push(reader.text())
    else if (field === 8 && wire === 2) name = reader.text()
    else if (field === 9 && wire === 2) {
      const length = reader.span()
      raw = { offset: reader.position, length }
      reader.position += length
    } else if (field === 13 && wire === 2) addEntry(external, reader.message())
    else if (field === 14 && wire === 0) isExternal = Number(reader.varint()) === 1
    else if ([4, 5, 7, 10, 11].includes(field)) {
      const at = reader.position
      if (wire === 2) {
        const length = reader.span()
        typed.push({ field, wire, offset: reader.position, length })
        reader.position += length
      } else {
        reader.skip(wire)
        typed.push({ field, wire, offset: at, length: reader.position - at })
      }
    } else return false
    return true
  })
  const dtype = dtypeOfCode(code)
  if (!dtype) throw reader.malformed(`tensor ${name} of unknown element type ${code}`)
  const shape = dims.map(Number)
  if (shape.some((dim) => dim < 0)) throw reader.malformed(`tensor ${name} with a negative dimension`)
  const expected = packedBytes(dtype, sizeOf(shape))
  const make = (data: TensorSource): { name: string; tensor: Tensor } => ({
    name,
    tensor: new Tensor(dtype, shape, data, extra),
  })
  if (dtype === 'string') return make({ strings, bytes: () => new Uint8Array(0) })
  if (isExternal) return make(externalRange(external, around, name, expected))
  if (raw) {
    if (raw.length !== expected)
      throw reader.malformed(`tensor ${name} holds ${raw.length} bytes where its shape needs ${expected}`)
    return make(rangeSource(source, raw.offset, raw.length))
  }
  return make(typedSource(source, dtype, typed, sizeOf(shape), name))
}

function rangeSource(source: ByteSource, offset: number, length: number): TensorSource {
  if (length <= KEEP_IN_FILE || source instanceof BufferSource) {
    const bytes = source.read(offset, length)
    return { bytes: () => bytes }
  }
  return { bytes: () => source.read(offset, length), range: { source, offset } }
}

/** Elements of the typed fields, as the packed bytes the rest of the program uses. */
function typedSource(
  source: ByteSource,
  dtype: DType,
  fields: TypedField[],
  size: number,
  name: string,
): TensorSource {
  const width = bitsOf(dtype)
  const [first] = fields
  const plainBytes = first && (first.field === 4 || first.field === 10)
  if (plainBytes && fields.length === 1 && first.length * 8 === size * width)
    return rangeSource(source, first.offset, first.length)
  const compute = (): Uint8Array => {
    const length = packedBytes(dtype, size)
    const out = new Uint8Array(length)
    const view = new DataView(out.buffer)
    let at = 0
    for (const { field, wire, offset, length: span } of fields) {
      const reader = new WireReader(source, offset, offset + span)
      while (!reader.done && at < length) {
        if (field === 4) view.setFloat32(at, reader.float(), true)
        else if (field === 10) out.set(reader.bytes(8), at)
        else if (width === 64) view.setBigUint64(at, BigInt.asUintN(64, BigInt(reader.varint())), true)
        else if (width === 32) view.setUint32(at, Number(BigInt.asUintN(32, BigInt(reader.varint()))), true)
        else if (width === 16) view.setUint16(at, Number(BigInt.asUintN(16, BigInt(reader.varint()))), true)
        else out[at] = Number(BigInt.asUintN(8, BigInt(reader.varint())))
        at += field === 4 ? 4 : field === 10 ? 8 : Math.max(1, width / 8)
        if (wire !== 2) break
      }
    }
    if (at < length)
      throw new PareError('model/not-onnx', {
        file: source.name,
        reason: `tensor ${name} has too few elements`,
      })
    return out
  }
  if (packedBytes(dtype, size) > KEEP_IN_FILE) return { bytes: compute }
  const bytes = compute()
  return { bytes: () => bytes }
}

/** External data may lie only in the model's folder or below it, links followed: models are untrusted. */
function externalRange(
  entries: Map<string, string>,
  around: Surroundings,
  tensor: string,
  expected: number,
): TensorSource {
  const location = entries.get('location') ?? ''
  const { file, folder } = around
  const missing = new PareError('model/external-data-missing', { file: location || file, tensor })
  if (folder === undefined || location === '') throw missing
  const escapes = new PareError('model/external-data-escapes', { file, tensor, location })
  if (path.isAbsolute(location) || path.win32.isAbsolute(location)) throw escapes
  const target = path.resolve(folder, location)
  if (!inside(folder, target)) throw escapes
  if (!fs.existsSync(target)) throw missing
  if (!inside(fs.realpathSync(folder), fs.realpathSync(target))) throw escapes
  let source = around.external.get(target)
  if (!source) around.external.set(target, (source = new FileSource(target)))
  const offset = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? expected)
  if (length !== expected || offset + length > source.length)
    throw new PareError('model/truncated', { file: target, at: source.length })
  return rangeSource(source, offset, length)
}

function inside(folder: string, target: string): boolean {
  const relative = path.relative(folder, target)
  return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative)
}
