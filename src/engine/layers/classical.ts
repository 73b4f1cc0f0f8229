/** Classical models (trees, linear models, encoders) keep their numbers in attributes. Source: ONNX-ML operators. */
import type { Model, Node } from '../onnx'

function numbersOf(node: Node): number {
  let count = 0
  for (const attribute of node.attributes.values())
    if (attribute.type === 'floats' || attribute.type === 'ints') count += attribute.value.length
    else if (attribute.type === 'tensor') count += attribute.value.size
  return count
}

/** What such operators of a model hold, in words; undefined where it has none. The labels of ZipMap are no weights. */
export function classicalPart(model: Model): string | undefined {
  const ops = new Set<string>()
  let numbers = 0
  for (const graph of model.graphs())
    for (const node of graph.nodes) {
      const held = node.domain === 'ai.onnx.ml' && node.opType !== 'ZipMap' ? numbersOf(node) : 0
      if (held > 0) ops.add(node.opType)
      numbers += held
    }
  return ops.size === 0
    ? undefined
    : `${numbers.toLocaleString('en')} numbers in attributes of ${[...ops].join(', ')} (ai.onnx.ml, classical machine learning)`
}
