/**
 * ONNX Runtime's own basic graph optimizations, saved as ONNX: constants folded, common parts shared,
 * redundant reshapes and casts gone. Source: onnxruntime.ai/docs, Graph Optimizations.
 */
import path from 'node:path'
import { errorData } from '../../../contract/errors'
import { encodedLength, readModel, type Graph, type Model, type ValueInfo } from '../../onnx'
import { liftConstants } from '../../layers/normalize/lift-constants'
import { openSession } from '../../runtime'
import { mergeConstants } from './tidy'

/** A larger model is left to our own edits: the runtime would hold it in memory more than once. */
const LARGEST = 2 ** 30

/**
 * A new model, or the reason why the runtime's result is not used: it is too large, brings operators the model
 * did not have, or is larger than before. Names and free sizes of inputs and outputs stay as declared.
 */
export async function optimizedByRuntime(model: Model, folder: string): Promise<Model | { reason: string }> {
  if (encodedLength(model) > LARGEST) return { reason: 'the model is above 1 GiB' }
  const file = path.join(folder, 'basic.onnx')
  try {
    const session = await openSession(model, { optimization: 'basic', optimizedModelPath: file })
    await session.release()
  } catch (cause) {
    const error = errorData(cause)
    if (error.code !== 'model/not-loadable') throw cause
    return { reason: `ONNX Runtime's own edits fail on this model: ${error.reason}` }
  }
  const optimized = readModel(file)
  // What it folded in one body and in another, or in both branches of an If, lies there twice.
  liftConstants(optimized)
  mergeConstants(optimized.graph)
  renameMade(optimized.graph, model.graph.names())
  const had = operatorsOf(model)
  const foreign = [...operatorsOf(optimized)].find((op) => op.includes('.') && !had.has(op))
  if (foreign) return { reason: `ONNX Runtime would bring in ${foreign}` }
  if (weightBytes(optimized) > 1.05 * weightBytes(model) + 2 ** 16)
    return { reason: 'ONNX Runtime would make the model larger' }
  const result = model.clone()
  result.graph = optimized.graph
  result.graph.name = model.graph.name
  result.graph.unknown = model.graph.unknown
  for (const [domain, version] of optimized.opsets)
    if ([...result.graphs()].some(({ nodes }) => nodes.some((node) => node.domain === domain)))
      result.opsets.set(domain, version)
  result.functions = []
  result.graph.inputs = keepPorts(result.graph.inputs, model.graph.inputs)
  result.graph.outputs = keepPorts(result.graph.outputs, model.graph.outputs)
  return result
}

/**
 * Constants that the runtime made get names that it never gives: making more of a kind when the model is loaded, it may
 * take one that is there already, and fail (MatMulAddFusion of 1.30 and 1.32, with `gemm_input_shape`).
 */
function renameMade(graph: Graph, before: ReadonlySet<string>): void {
  for (const [name, tensor] of [...graph.initializers]) {
    if (before.has(name) || graph.isOutput(name)) continue
    graph.replaceUses(name, graph.addInitializer(`${name}/made`, tensor))
    graph.initializers.delete(name)
  }
}

/** The ports as the user's model declares them, so that no free size is frozen. */
function keepPorts(now: readonly ValueInfo[], before: readonly ValueInfo[]): ValueInfo[] {
  const declared = new Map(before.map((info) => [info.name, info]))
  return now.map((info) => ({ ...(declared.get(info.name) ?? info) }))
}

function operatorsOf(model: Model): Set<string> {
  const found = new Set<string>()
  for (const graph of model.graphs())
    for (const { domain, opType } of graph.nodes) found.add(domain === '' ? opType : `${domain}.${opType}`)
  return found
}

function weightBytes(model: Model): number {
  let bytes = 0
  for (const { tensor } of model.constants()) bytes += tensor.byteLength
  return bytes
}
