/**
 * Writes ONNX tensor by tensor: lengths are known from shapes, so weights stream from where they lie.
 * Source: onnx.proto3; docs/ExternalData.md of ONNX.
 */
import fs from 'node:fs'
import path from 'node:path'
import { diskError, onDisk } from '../../contract/errors'
import { clearLeft } from '../../disk/left'
import { codeOf, type DType } from './dtype'
import type { Graph, ValueInfo } from './graph'
import type { Model } from './model'
import type { AttributeValue, Node } from './node'
import type { Tensor } from './tensor'
import { WireWriter, type Piece } from './wire'

/** A single protobuf message may not reach 2 GiB; past this, weights go to a file beside the model. */
const SINGLE_FILE_LIMIT = 2 ** 31 - 2 ** 20
const MAX_WRITE = 2 ** 30
/** Tensors below this stay inside the model even when external data is used. */
const EXTERNAL_FROM = 1024
/** Offsets of external tensors are multiples of this so that runtimes can map them into memory. */
const EXTERNAL_ALIGNMENT = 4096

export interface WrittenModel {
  /** The model file first, then its external data if any. Absolute. */
  files: string[]
  bytes: number
}

interface ExternalPlan {
  location: string
  /** Tensor → its place in the external file; a tensor shared by names is stored once. */
  offsets: Map<Tensor, number>
  length: number
}

/**
 * Writes a model atomically (temporary file, fsync, rename) without holding its weights in memory.
 * Models of 2 GiB and more get their weights in `<name>.data` beside them.
 * Throws `disk/full`, `disk/denied`, `disk/failed`.
 */
export function writeModel(
  model: Model,
  file: string,
  options: { externalData?: 'auto' | 'always' } = {},
): WrittenModel {
  const target = path.resolve(file)
  const plain = encode(model)
  if (options.externalData !== 'always' && plain.length < SINGLE_FILE_LIMIT) {
    writeAtomically(target, plain)
    return { files: [target], bytes: plain.length }
  }
  const plan = planExternal(model, `${path.basename(target)}.data`)
  const data = path.join(path.dirname(target), plan.location)
  const shell = encode(model, plan)
  writeAtomically(data, externalPiece(plan))
  writeAtomically(target, shell)
  return { files: [target, data], bytes: shell.length + plan.length }
}

/** The model as one buffer, for sessions and small files. Throws RangeError at 2 GiB and above. */
export function encodeModel(model: Model): Uint8Array {
  const writer = encode(model)
  if (writer.length >= SINGLE_FILE_LIMIT) throw new RangeError('a model of 2 GiB or more needs a file')
  return writer.toBytes()
}

/** Size in bytes the model file would have. */
export const encodedLength = (model: Model): number => encode(model).length

function planExternal(model: Model, location: string): ExternalPlan {
  const offsets = new Map<Tensor, number>()
  let length = 0
  for (const tensor of model.graph.initializers.values()) {
    if (offsets.has(tensor) || tensor.source.strings || tensor.byteLength < EXTERNAL_FROM) continue
    length = Math.ceil(length / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT
    offsets.set(tensor, length)
    length += tensor.byteLength
  }
  return { location, offsets, length }
}

function externalPiece(plan: ExternalPlan): Piece {
  return {
    length: plan.length,
    *chunks() {
      let at = 0
      for (const [tensor, offset] of plan.offsets) {
        if (offset > at) yield new Uint8Array(offset - at)
        yield* exactly(plan.location, tensor)
        at = offset + tensor.byteLength
      }
    },
  }
}

function writeAtomically(target: string, piece: Piece): void {
  const temporary = `${target}.${process.pid}.tmp`
  let fd: number | undefined
  try {
    fd = fs.openSync(temporary, 'w')
    for (const chunk of piece.chunks()) {
      for (let at = 0; at < chunk.length;) {
        at += fs.writeSync(fd, chunk, at, Math.min(MAX_WRITE, chunk.length - at))
      }
    }
    fs.fsyncSync(fd)
    fs.closeSync(fd)
    fd = undefined
    fs.renameSync(temporary, target)
    clearLeft(target)
  } catch (cause) {
    if (fd !== undefined) fs.closeSync(fd)
    onDisk(target, () => fs.rmSync(temporary, { force: true }))
    throw diskError(cause, target, piece.length)
  }
}

function encode(model: Model, plan?: ExternalPlan): WireWriter {
  const w = new WireWriter()
  w.int(1, model.irVersion)
  if (model.producerName) w.text(2, model.producerName)
  if (model.producerVersion) w.text(3, model.producerVersion)
  if (model.domain) w.text(4, model.domain)
  if (model.modelVersion) w.int(5, model.modelVersion)
  if (model.docString) w.text(6, model.docString)
  w.message(7, encodeGraph(model.graph, plan))
  for (const [domain, version] of model.opsets) {
    const opset = new WireWriter()
    if (domain) opset.text(1, domain)
    opset.int(2, version)
    w.message(8, opset)
  }
  for (const [key, value] of model.metadata) w.message(14, entry(key, value))
  for (const definition of model.functions) w.bytes(25, definition.raw)
  w.raw(model.unknown)
  return w
}

function entry(key: string, value: string): WireWriter {
  const w = new WireWriter()
  w.text(1, key)
  w.text(2, value)
  return w
}

function encodeGraph(graph: Graph, plan?: ExternalPlan): WireWriter {
  const w = new WireWriter()
  for (const node of graph.nodes) w.message(1, encodeNode(node))
  if (graph.name) w.text(2, graph.name)
  for (const [name, tensor] of graph.initializers) w.message(5, encodeTensor(name, tensor, plan))
  for (const info of graph.inputs) w.message(11, encodeValueInfo(info))
  for (const info of graph.outputs) w.message(12, encodeValueInfo(info))
  for (const info of graph.valueInfo.values()) w.message(13, encodeValueInfo(info))
  for (const raw of graph.sparseInitializers.values()) w.bytes(15, raw)
  w.raw(graph.unknown)
  return w
}

function encodeNode(node: Node): WireWriter {
  const w = new WireWriter()
  for (const input of node.inputs) w.text(1, input)
  for (const output of node.outputs) w.text(2, output)
  if (node.name) w.text(3, node.name)
  w.text(4, node.opType)
  for (const [name, value] of node.attributes) {
    if (value.type === 'opaque') w.bytes(5, value.value)
    else w.message(5, encodeAttribute(name, value))
  }
  if (node.domain) w.text(7, node.domain)
  if (node.overload) w.text(8, node.overload)
  w.raw(node.unknown)
  return w
}

function encodeAttribute(name: string, attribute: Exclude<AttributeValue, { type: 'opaque' }>): WireWriter {
  const w = new WireWriter()
  w.text(1, name)
  switch (attribute.type) {
    case 'float':
      w.float(2, attribute.value)
      w.int(20, 1)
      break
    case 'int':
      w.int(3, attribute.value)
      w.int(20, 2)
      break
    case 'string':
      w.bytes(4, attribute.value)
      w.int(20, 3)
      break
    case 'tensor':
      w.message(5, encodeTensor('', attribute.value))
      w.int(20, 4)
      break
    case 'graph':
      w.message(6, encodeGraph(attribute.value))
      w.int(20, 5)
      break
    case 'floats':
      w.floats(7, attribute.value)
      w.int(20, 6)
      break
    case 'ints':
      w.ints(8, attribute.value)
      w.int(20, 7)
      break
    case 'strings':
      for (const value of attribute.value) w.bytes(9, value)
      w.int(20, 8)
      break
    case 'tensors':
      for (const value of attribute.value) w.message(10, encodeTensor('', value))
      w.int(20, 9)
      break
    case 'graphs':
      for (const value of attribute.value) w.message(11, encodeGraph(value))
      w.int(20, 10)
      break
  }
  w.raw(attribute.extra ?? [])
  return w
}

function encodeTensor(name: string, tensor: Tensor, plan?: ExternalPlan): WireWriter {
  const w = new WireWriter()
  w.ints(1, tensor.dims)
  w.int(2, codeOf(tensor.dtype))
  if (name) w.text(8, name)
  const offset = plan?.offsets.get(tensor)
  if (tensor.source.strings) for (const value of tensor.source.strings) w.text(6, value)
  else if (plan && offset !== undefined) {
    w.message(13, entry('location', plan.location))
    w.message(13, entry('offset', String(offset)))
    w.message(13, entry('length', String(tensor.byteLength)))
    w.int(14, 1)
  } else w.bytes(9, { length: tensor.byteLength, chunks: () => exactly(name, tensor) })
  w.raw(tensor.extra)
  return w
}

/** The bytes of a tensor; a computation that gives another number of bytes would spoil everything after it. */
function* exactly(name: string, tensor: Tensor): Iterable<Uint8Array> {
  let length = 0
  for (const chunk of tensor.chunks()) {
    length += chunk.length
    yield chunk
  }
  if (length !== tensor.byteLength)
    throw new RangeError(`tensor ${name} takes ${tensor.byteLength} bytes and gave ${length}`)
}

function encodeValueInfo(info: ValueInfo): WireWriter {
  const w = new WireWriter()
  w.text(1, info.name)
  if (info.raw) w.bytes(2, info.raw)
  else if (info.dtype) w.message(2, encodeType(info.dtype, info.dims))
  w.raw(info.unknown ?? [])
  return w
}

function encodeType(dtype: DType, dims: ValueInfo['dims']): WireWriter {
  const tensor = new WireWriter()
  tensor.int(1, codeOf(dtype))
  if (dims) {
    const shape = new WireWriter()
    for (const dim of dims) {
      const one = new WireWriter()
      if (typeof dim === 'number') one.int(1, dim)
      else if (dim !== null) one.text(2, dim)
      shape.message(1, one)
    }
    tensor.message(2, shape)
  }
  const type = new WireWriter()
  type.message(1, tensor)
  return type
}
