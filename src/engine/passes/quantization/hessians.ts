/**
 * XᵀX of the inputs of layers, summed over calibration batches: what GPTQ, AWQ and the other methods that look
 * at data need. Layers that read the same value share one sum.
 */
import { Tensor, type Model, type Node } from '../../onnx'
import { matrix, type F64Matrix } from '../../math/matrix'
import { floatsOf, matmul, shapesAt, streamActivations, type Value } from '../../runtime'
import { linearLayer, type LinearLayer } from '../layerwise/patches'
import { openProducts, type ProductSession } from '../layerwise/products'
import { prefixOf } from '../layerwise/prefix'
import type { Batches } from '../../data/feeds'

/** One sum for each group of a convolution; one for all else. */
export type Hessians = Map<Node, F64Matrix[]>

export interface HessianPlan {
  /** Nodes whose sums fit into memory together. */
  chunks: Node[][]
}

interface Sum {
  layer: LinearLayer
  nodes: Node[]
  session?: ProductSession
  groups: F64Matrix[]
}

const bytesOf = ({ groups, inputs }: LinearLayer['shape']): number => groups * inputs * inputs * 8

/** Splits nodes so that the sums of each part take at most `bytes`; nodes that are no products are left out. */
export function planHessians(model: Model, nodes: readonly Node[], bytes: number): HessianPlan {
  const chunks: Node[][] = []
  let used = Infinity
  const seen = new Set<string>()
  for (const node of nodes) {
    const layer = linearLayer(model.graph, node)
    if (!layer) continue
    const shared = layer.kind === 'matrix' && seen.has(layer.input)
    const size = shared ? 0 : bytesOf(layer.shape)
    if (used + size > bytes) {
      chunks.push([])
      seen.clear()
      used = 0
    }
    chunks[chunks.length - 1]!.push(node)
    used += size
    if (layer.kind === 'matrix') seen.add(layer.input)
  }
  return { chunks }
}

export async function hessiansOf(
  model: Model,
  nodes: readonly Node[],
  batches: Batches,
  progress?: (batch: number) => void,
): Promise<Hessians> {
  const sums = new Map<string, Sum>()
  for (const node of nodes) {
    const layer = linearLayer(model.graph, node)
    if (!layer) continue
    const key = layer.kind === 'matrix' ? layer.input : layer.output
    const sum = sums.get(key)
    if (sum) sum.nodes.push(node)
    else {
      const { groups, inputs } = layer.shape
      const zero = (): F64Matrix => ({ rows: inputs, cols: inputs, data: new Float64Array(inputs * inputs) })
      sums.set(key, { layer, nodes: [node], groups: Array.from({ length: groups }, zero) })
    }
  }
  const byInput = new Map<string, Sum[]>()
  for (const sum of sums.values())
    byInput.set(sum.layer.input, [...(byInput.get(sum.layer.input) ?? []), sum])
  const outputs = await outputDims(model, [...sums.values()], batches)
  const computed = [...byInput.keys()].filter(
    (name) => !model.graph.requiredInputs.some((input) => input.name === name),
  )
  const part = computed.length > 0 ? prefixOf(model, computed) : model
  try {
    await streamActivations(
      part,
      [...byInput.keys()],
      batches,
      async (name, value) => {
        for (const sum of byInput.get(name)!)
          await accumulate(sum, value, outputs.get(sum.layer.output)!, model)
      },
      { maxBytes: 2 ** 27, progress: ({ batch }) => progress?.(batch) },
    )
  } finally {
    for (const { session } of sums.values()) await session?.release()
  }
  return new Map(
    [...sums.values()].flatMap(({ nodes: readers, groups }) =>
      readers.map((node) => [node, groups] as const),
    ),
  )
}

async function accumulate(sum: Sum, value: Value, outDims: readonly number[], model: Model): Promise<void> {
  const { layer } = sum
  if (layer.kind === 'matrix') {
    const { inputs } = layer.shape
    const values = floatsOf(value)
    const x = matrix(values.length / inputs, inputs, values)
    const { data: square } = await matmul(x, x, { transA: true })
    addTo(sum.groups[0]!.data, square, 0)
    return
  }
  const weight = model.graph.initializers.get(layer.weight)!
  sum.session ??= await openProducts(
    layer,
    Tensor.lazy('float32', weight.dims, () => weight.bytes()),
    { inDims: value.dims, outDims },
  )
  const { xx } = await sum.session.add(value)
  const size = layer.shape.inputs ** 2
  for (const [g, { data }] of sum.groups.entries()) addTo(data, xx, g * size)
}

function addTo(sum: Float64Array, values: ArrayLike<number>, from: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[from + i]!
}

/** Shapes of the layers' outputs; convolutions need them to unfold. */
async function outputDims(
  model: Model,
  sums: readonly Sum[],
  batches: Batches,
): Promise<Map<string, readonly number[]>> {
  for await (const feeds of batches()) {
    const shapes = await shapesAt(
      model,
      sums.map(({ layer }) => layer.output),
      feeds,
    )
    return new Map([...shapes].map(([name, { dims }]) => [name, dims]))
  }
  return new Map()
}
