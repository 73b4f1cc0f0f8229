/**
 * The operators a model needs, in the form ONNX Runtime's reduced build takes: `domain;opset;Op1,Op2`.
 * Source: onnxruntime.ai, "Reduced operator config file".
 */
import { readModel, type Model } from '../onnx'

/** Operators by domain and opset. */
function collect(model: Model, into: Map<string, Set<string>>): void {
  for (const graph of model.graphs())
    for (const node of graph.nodes) {
      const domain = node.domain || 'ai.onnx'
      const key = `${domain};${model.opsets.get(node.domain) ?? 1}`
      const operators = into.get(key)
      if (operators) operators.add(node.opType)
      else into.set(key, new Set([node.opType]))
    }
}

/**
 * Config for a build that runs `model` as it is and `optimized`, the graph ONNX Runtime makes of it: a runtime
 * that optimizes at load needs the operators of both.
 */
export function operatorsConfig(model: Model, optimized: string | undefined): string {
  const found = new Map<string, Set<string>>()
  collect(model, found)
  if (optimized) collect(readModel(optimized), found)
  const lines = [...found].map(([key, operators]) => `${key};${[...operators].sort().join(',')}`).sort()
  const head = [
    '# Operators of model.onnx and model.ort, for a reduced build of ONNX Runtime:',
    '#   build --include_ops_by_config required_operators.config',
    ...(model.functions.length > 0 ? ['# The model has local functions: add the operators they use.'] : []),
  ]
  return `${[...head, ...lines].join('\n')}\n`
}
