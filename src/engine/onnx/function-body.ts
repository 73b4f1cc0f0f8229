/** What a model-local function holds. Source: onnx.proto3, FunctionProto. */
import type { FunctionDef } from './model'
import type { AttributeValue, Node } from './node'
import { addOpset, parseAttribute, parseNode } from './read'
import { BufferSource } from './source'
import { WireReader } from './wire'

export interface FunctionBody {
  domain: string
  name: string
  overload: string
  inputs: string[]
  outputs: string[]
  nodes: Node[]
  /** Attributes a call may leave out. */
  defaults: Map<string, AttributeValue>
  opsets: Map<string, number>
}

/** Throws `model/not-onnx`, `model/truncated`. */
export function parseFunctionBody({ domain, name, raw }: FunctionDef, file: string): FunctionBody {
  const around = { file, folder: undefined, external: new Map(), depth: 0 }
  const body: FunctionBody = {
    domain,
    name,
    overload: '',
    inputs: [],
    outputs: [],
    nodes: [],
    defaults: new Map(),
    opsets: new Map(),
  }
  const reader = new WireReader(new BufferSource(raw, file))
  reader.fields((field, wire) => {
    if (wire !== 2) return false
    if (field === 4) body.inputs.push(reader.text())
    else if (field === 5) body.outputs.push(reader.text())
    else if (field === 7) body.nodes.push(parseNode(reader.message(), around))
    else if (field === 9) addOpset(body.opsets, reader.message())
    else if (field === 11) body.defaults.set(...parseAttribute(reader.message(), around))
    else if (field === 13) body.overload = reader.text()
    else return false
    return true
  })
  return body
}
