/** A model at a glance: what it holds, what it costs, what stands in the way. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { LayerSummary, ModelInspection, TensorShape } from '../../../contract/model'
import { encodeModel, encodedLength, readModel, type Model, type Node, type ValueInfo } from '../../onnx'
import { hashFile } from '../../onnx/hash-file'
import { compatibilityIssues } from './compatibility'
import { modelCosts, total, type ModelCosts } from './costs'
import { macsSum } from '../../runtime/macs'
import type { TracedValue } from '../../runtime/trace'

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
    row.macs = macsSum([row.macs, macs])
  }
  return [...table.values()].sort(
    (a, b) => (b.macs ?? Infinity) - (a.macs ?? Infinity) || b.parameters - a.parameters || b.count - a.count,
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
