/** A node of a graph and its attributes. Source: onnx.proto3, NodeProto and AttributeProto. */
import type { Graph } from './graph'
import { Tensor } from './tensor'
import { textOf } from './text'
import type { Int64 } from './wire'

/** `extra` holds the doc string and fields this version does not know, kept for writing back. */
export type AttributeValue = { extra?: readonly Uint8Array[] } & (
  | { type: 'float'; value: number }
  | { type: 'int'; value: Int64 }
  | { type: 'string'; value: Uint8Array }
  | { type: 'tensor'; value: Tensor }
  | { type: 'graph'; value: Graph }
  | { type: 'floats'; value: number[] }
  | { type: 'ints'; value: Int64[] }
  | { type: 'strings'; value: Uint8Array[] }
  | { type: 'tensors'; value: Tensor[] }
  | { type: 'graphs'; value: Graph[] }
  /** A reference to an attribute of the enclosing function, a sparse tensor or a type: kept byte for byte. */
  | { type: 'opaque'; value: Uint8Array; reference?: string }
)

/** What a caller may hand in for an attribute; plain numbers need their type said. */
export type AttributeInput =
  | AttributeValue
  | string
  | readonly string[]
  | { int: Int64 }
  | { ints: readonly Int64[] }
  | { float: number }
  | { floats: readonly number[] }

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

function toValue(input: AttributeInput): AttributeValue {
  if (typeof input === 'string') return { type: 'string', value: Buffer.from(input) }
  if (Array.isArray(input)) return { type: 'strings', value: input.map((s: string) => Buffer.from(s)) }
  if ('int' in input) return { type: 'int', value: input.int }
  if ('ints' in input) return { type: 'ints', value: [...input.ints] }
  if ('float' in input) return { type: 'float', value: input.float }
  if ('floats' in input) return { type: 'floats', value: [...input.floats] }
  return input as AttributeValue
}

export interface NodeInit {
  opType: string
  /** '' is the default ONNX domain ('ai.onnx' is read as ''). */
  domain?: string
  name?: string
  /** An empty string stands for an absent optional input or output. */
  inputs: readonly string[]
  outputs: readonly string[]
  attributes?: Readonly<Record<string, AttributeInput>>
}

export class Node {
  opType: string
  domain: string
  name: string
  /** Tells model-local functions of one name apart. */
  overload = ''
  inputs: string[]
  outputs: string[]
  readonly attributes = new Map<string, AttributeValue>()
  /** Fields this version does not know, kept for writing back. */
  unknown: readonly Uint8Array[] = []

  constructor(init: NodeInit) {
    this.opType = init.opType
    this.domain = init.domain ?? ''
    this.name = init.name ?? ''
    this.inputs = [...init.inputs]
    this.outputs = [...init.outputs]
    for (const [name, input] of Object.entries(init.attributes ?? {})) this.set(name, input)
  }

  /** True for an operator of the default ONNX domain. */
  is(...opTypes: string[]): boolean {
    return this.domain === '' && opTypes.includes(this.opType)
  }

  /** What a table by operator says of it. An operator may be called like what every object has, such as “toString”. */
  among<T>(table: Readonly<Record<string, T>>): T | undefined {
    return Object.hasOwn(table, this.opType) ? table[this.opType] : undefined
  }

  set(name: string, input: AttributeInput): void {
    this.attributes.set(name, toValue(input))
  }

  int(name: string): number | undefined
  int(name: string, fallback: number): number
  int(name: string, fallback?: number): number | undefined {
    const a = this.attributes.get(name)
    return a?.type === 'int' ? Number(a.value) : fallback
  }

  float(name: string): number | undefined
  float(name: string, fallback: number): number
  float(name: string, fallback?: number): number | undefined {
    const a = this.attributes.get(name)
    return a?.type === 'float' ? a.value : fallback
  }

  string(name: string): string | undefined
  string(name: string, fallback: string): string
  string(name: string, fallback?: string): string | undefined {
    const a = this.attributes.get(name)
    return a?.type === 'string' ? utf8(a.value) : fallback
  }

  ints(name: string): number[] | undefined {
    const a = this.attributes.get(name)
    return a?.type === 'ints' ? a.value.map(Number) : undefined
  }

  floats(name: string): number[] | undefined {
    const a = this.attributes.get(name)
    return a?.type === 'floats' ? a.value : undefined
  }

  tensor(name: string): Tensor | undefined {
    const a = this.attributes.get(name)
    return a?.type === 'tensor' ? a.value : undefined
  }

  /** What a Constant node holds, however it says so; undefined for a sparse value. Source: ONNX Constant. */
  get constant(): Tensor | undefined {
    if (!this.is('Constant')) return undefined
    for (const a of this.attributes.values()) {
      if (a.type === 'tensor') return a.value
      if (a.type === 'float') return Tensor.float32([], [a.value])
      if (a.type === 'floats') return Tensor.float32([a.value.length], a.value)
      if (a.type === 'int') return int64s([], [a.value])
      if (a.type === 'ints') return int64s([a.value.length], a.value)
      if (a.type === 'string') return Tensor.fromStrings([], [textOf(a.value)])
      if (a.type === 'strings') return Tensor.fromStrings([a.value.length], a.value.map(textOf))
    }
    return undefined
  }

  /** Subgraphs of If, Loop, Scan and the like, with the names of their attributes. */
  subgraphs(): [name: string, graph: Graph][] {
    const found: [string, Graph][] = []
    for (const [name, a] of this.attributes) {
      if (a.type === 'graph') found.push([name, a.value])
      else if (a.type === 'graphs') for (const graph of a.value) found.push([name, graph])
    }
    return found
  }

  /** A copy that shares tensors; subgraphs are cloned. */
  clone(): Node {
    const { opType, domain, name, inputs, outputs } = this
    const copy = new Node({ opType, domain, name, inputs, outputs })
    for (const [key, a] of this.attributes) {
      if (a.type === 'graph') copy.attributes.set(key, { ...a, value: a.value.clone() })
      else if (a.type === 'graphs') copy.attributes.set(key, { ...a, value: a.value.map((g) => g.clone()) })
      else copy.attributes.set(key, a)
    }
    copy.overload = this.overload
    copy.unknown = this.unknown
    return copy
  }

  /** What a person calls this node: its name, or its operator and first output where it has none. */
  get label(): string {
    return this.name || `${this.opType}→${this.outputs.find((o) => o !== '') ?? ''}`
  }
}

const int64s = (dims: number[], values: readonly Int64[]): Tensor =>
  Tensor.fromBytes('int64', dims, new Uint8Array(BigInt64Array.from(values, BigInt).buffer))
