/**
 * Weights stored as float16 and computed in float32, and tables of whole numbers in as many bytes as these need: half
 * the file, the same operators.
 */
import { asHalf, storeAs } from '../../layers/encodings/float16-stored'
import { Tensor, type DType, type Graph, type Model } from '../../onnx'

/** Below this many elements a Cast node costs more bytes than it saves. */
const WORTH_IT = 128

export interface Stored {
  model: Model
  halved: string[]
  /** Constants of whole numbers that take fewer bytes now; they are exact. */
  narrowed: string[]
  /** Constants that float16 cannot hold, with their largest magnitude. */
  tooLarge: { name: string; reaches: number }[]
}

/**
 * A clone whose float32 weights and int64 tables, or those of them that are named, are smaller with a Cast behind each;
 * ONNX Runtime casts once, at load.
 */
export function storeHalf(model: Model, only?: ReadonlySet<string>): Stored {
  const clone = model.clone()
  const result: Stored = { model: clone, halved: [], narrowed: [], tooLarge: [] }
  for (const graph of clone.graphs()) storeIn(graph, clone.graph, result, only)
  return result
}

function storeIn(graph: Graph, outermost: Graph, result: Stored, only?: ReadonlySet<string>): void {
  const inputs = new Set(graph.inputs.map(({ name }) => name))
  for (const [name, tensor] of [...graph.initializers]) {
    if (only && !only.has(name)) continue
    if (tensor.size < WORTH_IT || inputs.has(name) || graph.isOutput(name)) continue
    if (tensor.dtype === 'int64') {
      const narrow = narrowed(tensor)
      if (!narrow) continue
      storeAs(graph, name, narrow, outermost)
      result.narrowed.push(name)
    } else if (tensor.dtype === 'float32') {
      const half = asHalf(tensor)
      if (half instanceof Tensor) {
        storeAs(graph, name, half, outermost)
        result.halved.push(name)
      } else result.tooLarge.push({ name, ...half })
    }
  }
}

/** Whole numbers of one dtype each, the narrowest first. Source: ONNX Cast. */
const NARROW: readonly [dtype: DType, least: number, most: number][] = [
  ['int8', -(2 ** 7), 2 ** 7 - 1],
  ['uint8', 0, 2 ** 8 - 1],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
]

function narrowed(tensor: Tensor): Tensor | undefined {
  const values = tensor.numbers()
  const [min, max] = values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [0, 0])
  const found = NARROW.find(([, least, most]) => min >= least && max <= most)
  return found && Tensor.of(found[0], tensor.dims, values)
}
