/** A model at a glance: what it holds, what it costs, what stands in the way. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { LayerSummary, ModelInspection, TensorShape } from '../../contract/model'
import { encodeModel, encodedLength, readModel, type Model, type Node, type ValueInfo } from '../onnx'
import { macsOf } from './macs'
import { nonzeroOf } from './nonzero'
import { compatibilityIssues } from './compatibility'
import { traceShapes, type TracedValue } from './trace'
import { copies, weightsByNode, type Weight } from './weights'

/** What a model costs, by node: the base of reports and of every choice of layers. */
export interface ModelCosts {
  parameters: number
  macs: number
  /** Nodes that compute something from the inputs, in order. */
  nodes: { node: Node; weights: Weight[]; macs: number }[]
  traced: Map<string, TracedValue>
}

/**
 * Parameters and MACs at batch 1 (or the batch the model fixes). A weight read by several nodes, or stored
 * twice, is counted at its first reader. Subgraphs and model-local functions count 0.
 * Throws what `traceShapes` throws.
 */
export async function modelCosts(model: Model, traced?: Map<string, TracedValue>): Promise<ModelCosts> {
  const shapes = traced ?? (await traceShapes(model))
  const twins = copies(model.graph)
  const counted = new Set<string>()
  const nodes = [...weightsByNode(model, shapes)].map(([node, weights]) => ({
    node,
    weights: weights.filter(({ roots }) => {
      const key = roots.map((root) => twins.get(root) ?? root).join('\n')
      return !counted.has(key) && counted.add(key)
    }),
    macs: macsOf(node, shapes),
  }))
  const parameters = nodes.reduce((sum, { weights }) => sum + total(weights), 0)
  return { parameters, macs: nodes.reduce((sum, { macs }) => sum + macs, 0), nodes, traced: shapes }
}

const total = (weights: readonly Weight[]): number =>
  weights.reduce((sum, { parameters }) => sum + parameters, 0)

/** Weights that are not zero, tied ones once. Reads the weights in pieces. */
export async function nonzeroParameters(model: Model, costs?: ModelCosts): Promise<number> {
  let count = 0
  for (const { node, weights } of (costs ?? (await modelCosts(model))).nodes)
    for (const weight of weights) count += await nonzeroOf(model, node, weight)
  return count
}

/**
 * Inspects a model file, or a model in memory. A model that ONNX Runtime refuses is still inspected: the
 * reason is among the issues, and shapes and MACs are missing. Throws what `readModel` throws.
 */
export async function inspectModel(source: string | Model): Promise<ModelInspection> {
  const model = typeof source === 'string' ? readModel(source) : source
  let refused: unknown
  const costs = await modelCosts(model).catch((cause: unknown) => {
    refused = cause
    return modelCosts(model, new Map())
  })
  const layers = costs.nodes.map((entry) => summary(entry, costs.traced))
  return {
    path: model.file,
    ...(typeof source === 'string' ? fileFacts(model) : memoryFacts(model)),
    parameters: costs.parameters,
    macs: costs.macs,
    opset: model.opset,
    opsets: Object.fromEntries([...model.opsets].map(([domain, version]) => [domain || 'ai.onnx', version])),
    irVersion: model.irVersion,
    producer: [model.producerName, model.producerVersion].filter((part) => part !== '').join(' '),
    inputs: model.graph.requiredInputs.map(port),
    outputs: model.graph.outputs.map(port),
    nodes: model.graph.nodes.length,
    operators: operatorsOf(model, layers),
    layers,
    issues: compatibilityIssues(model, costs, refused),
  }
}

const port = (info: ValueInfo): TensorShape => ({
  name: info.name,
  dtype: info.dtype ?? 'not a tensor',
  dims: [...(info.dims ?? [])],
})

const nameOf = (node: Node): string => (node.domain === '' ? node.opType : `${node.domain}.${node.opType}`)

function summary(
  { node, weights, macs }: ModelCosts['nodes'][number],
  traced: Map<string, TracedValue>,
): LayerSummary {
  const layer = node.outputs.find((output) => output !== '') ?? ''
  const out = traced.get(layer)
  const [heaviest] = [...weights].sort((a, b) => b.parameters - a.parameters)
  return {
    layer,
    node: node.label,
    op: nameOf(node),
    parameters: total(weights),
    bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    macs,
    shape: [...(out?.dims ?? [])],
    dtype: heaviest?.dtype ?? out?.dtype ?? '',
  }
}

function operatorsOf(model: Model, layers: readonly LayerSummary[]): ModelInspection['operators'] {
  const table = new Map<string, ModelInspection['operators'][number]>()
  for (const node of model.graph.nodes) {
    const op = nameOf(node)
    const row = table.get(op) ?? { op, count: 0, parameters: 0, macs: 0 }
    row.count++
    table.set(op, row)
  }
  for (const { op, parameters, macs } of layers) {
    const row = table.get(op)!
    row.parameters += parameters
    row.macs += macs
  }
  return [...table.values()].sort(
    (a, b) => b.macs - a.macs || b.parameters - a.parameters || b.count - a.count,
  )
}

/** Bytes of all files of the model; the hash of the model file itself. */
function fileFacts(model: Model): { bytes: number; sha256: string } {
  const bytes = [model.file, ...model.externalFiles].reduce((sum, file) => sum + fs.statSync(file).size, 0)
  return { bytes, sha256: hashFile(model.file) }
}

function memoryFacts(model: Model): { bytes: number; sha256: string } {
  return {
    bytes: encodedLength(model),
    sha256: createHash('sha256').update(encodeModel(model)).digest('hex'),
  }
}

/** SHA-256 of a file as hex, read in pieces. */
export function hashFile(file: string): string {
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafe(2 ** 20)
  const fd = fs.openSync(file, 'r')
  try {
    for (let got = fs.readSync(fd, piece); got > 0; got = fs.readSync(fd, piece))
      hash.update(piece.subarray(0, got))
  } finally {
    fs.closeSync(fd)
  }
  return hash.digest('hex')
}
