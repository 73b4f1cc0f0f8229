/**
 * Layers in the order in which data reaches them, each seen with the inputs that the layers quantized before it leave.
 * Sources: arXiv:2210.17323, §4 (block by block), arXiv:2504.02692 (errors of earlier layers made up for).
 */
import type { Batches } from '../../data/feeds'
import { nodesIn } from '../../layers/find'
import type { Layer } from '../../layers/layer'
import { productLayer } from '../../layers/product'
import { readInstead } from '../../layers/rewrite'
import { driftOf, type Looked } from '../../layers/statistics/drift'
import { hessiansOf } from '../../layers/statistics/hessians'
import { planGrams } from '../../layers/statistics/plan'
import type { Model, Node } from '../../onnx'
import { valuesOf } from '../../layers/encodings/values'
import { changesAlong } from './changes'
import type { LowBit } from './low-bit'

export const ORDERS = ['layers', 'blocks', 'parallel'] as const
export type Order = (typeof ORDERS)[number]

/** Bytes of matrices held at once. */
const MATRIX_BYTES = 2 ** 28

interface Wave {
  /** False where no quantized layer lies before them. */
  waits: boolean
  layers: Layer[]
}

/**
 * What can be looked at together: layers at one distance from the inputs, or those of one block, which lies between two
 * places where all that quantization changes goes through one value. `changed` are all nodes that are quantized.
 */
export function wavesOf(
  { graph }: Model,
  layers: readonly Layer[],
  changed: ReadonlySet<Node>,
  order: Exclude<Order, 'parallel'>,
): Wave[] {
  const byNode = new Map(layers.map((layer) => [layer.node, layer]))
  const waves = new Map<number, Wave>()
  let block = 1
  for (const { node, before, alone } of changesAlong(graph, changed)) {
    const layer = byNode.get(node)
    if (layer) {
      const key = order === 'blocks' && before > 0 ? block : before
      const wave = waves.get(key) ?? { waits: before > 0, layers: [] }
      waves.set(key, wave)
      wave.layers.push(layer)
    }
    if (alone !== undefined) block++
  }
  return [...waves.entries()].sort(([a], [b]) => a - b).map(([, wave]) => wave)
}

/** Those whose inputs can be looked at. */
export const productsAmong = ({ graph }: Model, layers: readonly Layer[]): Layer[] =>
  layers.filter(({ within, node }) => !within && productLayer(graph, node))

/**
 * Looks at `layers` of `model`, all of them products and its nodes sorted, wave by wave; what was found for a wave must be
 * in `found` before the next is asked for.
 */
export async function* lookedAt(
  model: Model,
  layers: readonly Layer[],
  {
    all,
    found,
    order,
    batches,
  }: {
    /** Every layer that is quantized. */
    all: readonly Layer[]
    /** By `rowsKey`. */
    found: ReadonlyMap<string, LowBit>
    order: Order
    batches: Batches
  },
  progress?: () => void,
): AsyncIterable<Map<Layer, Looked[]>> {
  const changed = new Set(all.map(({ within, node }) => within ?? node))
  const waves =
    order === 'parallel' ? [{ waits: false, layers: [...layers] }] : wavesOf(model, layers, changed, order)
  for (const wave of waves) {
    if (!wave.waits) {
      const byNode = new Map(wave.layers.map((layer) => [layer.node, layer]))
      for await (const hessians of hessiansOf(model, [...byNode.keys()], batches, progress))
        yield new Map([...hessians].map(([node, xx]) => [byNode.get(node)!, xx.map((xx) => ({ xx }))]))
      continue
    }
    for (const part of planGrams(wave.layers, MATRIX_BYTES / 2))
      yield await driftOf(model, withCodes(model, all, found), part, batches, progress)
  }
}

/** The model as it computes with the codes there are. */
function withCodes(model: Model, all: readonly Layer[], found: ReadonlyMap<string, LowBit>): Model {
  const clone = model.clone()
  const nodes = new Map([...nodesIn(clone.graph, true)].map(({ name, node }) => [name, node]))
  const values = new Map<string, string>()
  for (const original of all) {
    const codes = found.get(original.rowsKey)
    if (!codes) continue
    const layer = original.on(nodes.get(original.place)!)
    const key = `${layer.rowsKey} ${layer.weight}`
    if (!values.has(key))
      values.set(key, clone.graph.addInitializer(`${layer.weight}_coded`, layer.withRows(valuesOf(codes))))
    readInstead(layer, values.get(key)!)
  }
  return clone
}
