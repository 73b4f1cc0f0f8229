/** Weights stored as float16 and computed in float32: half the file, the same operators. */
import { codeOf, Tensor, type Graph, type Model } from '../../onnx'
import { encode } from '../../onnx/numeric'
import { fitHalf } from './limits'

/** Below this many elements a Cast node costs more bytes than it saves. */
const WORTH_IT = 128

export interface Stored {
  model: Model
  halved: string[]
  /** Constants that float16 cannot hold, with their largest magnitude. */
  tooLarge: { name: string; reaches: number }[]
}

/**
 * A clone whose float32 weights, or those of them that are named, are float16 with a Cast behind each; ONNX Runtime
 * casts once, at load.
 */
export function storeHalf(model: Model, only?: ReadonlySet<string>): Stored {
  const clone = model.clone()
  const result: Stored = { model: clone, halved: [], tooLarge: [] }
  for (const graph of clone.graphs()) storeIn(graph, clone.graph, result, only)
  return result
}

function storeIn(graph: Graph, outermost: Graph, result: Stored, only?: ReadonlySet<string>): void {
  const inputs = new Set(graph.inputs.map(({ name }) => name))
  for (const [name, tensor] of [...graph.initializers]) {
    if (only && !only.has(name)) continue
    if (tensor.dtype !== 'float32' || tensor.size < WORTH_IT || inputs.has(name) || graph.isOutput(name))
      continue
    const fits = fitHalf(tensor)
    if ('reaches' in fits) {
      result.tooLarge.push({ name, reaches: fits.reaches })
      continue
    }
    const half = Tensor.lazy('float16', tensor.dims, () => {
      const again = fitHalf(tensor)
      return encode('float16', 'values' in again ? again.values : tensor.floats())
    })
    graph.initializers.delete(name)
    const stored = outermost.freshName(`${name}_f16`)
    graph.initializers.set(stored, half)
    const [first] = graph.nodes
    graph.addNode(
      { opType: 'Cast', inputs: [stored], outputs: [name], attributes: { to: { int: codeOf('float32') } } },
      first,
    )
    result.halved.push(name)
  }
}
