/**
 * Which layers are reconstructed together. Source: arXiv:2102.05426, section 3.2: a residual block, or a few layers in a
 * row, is small enough for few samples and holds most of what layers do to each other.
 */
import { readsOf, type Graph, type Node } from '../../onnx'
import { ruleFor } from '../../training/gradients'
import { changesAlong } from '../quantization/changes'

export interface LayerBlock<L> {
  layers: L[]
  /** The value through which all goes that they change. */
  output: string
}

/** Layers in a row that make a block where each is followed by one value alone: as many as a bottleneck has. */
const IN_A_ROW = 3
/** A part of a graph that never comes together, as in a U-Net, is no block: its layers are taken one by one. */
const MOST_LAYERS = 8

interface Found<L> extends LayerBlock<L> {
  /** One layer that one value follows. */
  alone: boolean
  /** Gradients of what comes behind it reach it. */
  reached: boolean
}

/**
 * Blocks of a sorted graph, in order. A block ends at the last value that gradients reach its layers from, before classes
 * become probabilities: errors of those say little where a model is sure.
 */
export function blocksOf<L extends { node: Node; output: string }>(
  graph: Graph,
  layers: readonly L[],
): LayerBlock<L>[] {
  const byNode = new Map(layers.map((layer) => [layer.node, layer]))
  const found: Found<L>[] = []
  let open: L[] = []
  let end: string | undefined
  let reached = true
  /** What layers change, sizes left out. */
  const live = new Set<string>()
  const close = (): void => {
    if (end !== undefined && open.length <= MOST_LAYERS)
      found.push({ layers: open, output: end, alone: open.length === 1, reached })
    else
      for (const layer of open)
        found.push({ layers: [layer], output: layer.output, alone: false, reached: false })
    open = []
    end = undefined
    reached = true
  }
  for (const { node, alone } of changesAlong(graph, new Set(byNode.keys()))) {
    const layer = byNode.get(node)
    if (layer) {
      if (end !== undefined) close()
      open.push(layer)
    } else if (node.is('Shape', 'Size') || ![...readsOf(node)].some((value) => live.has(value))) continue
    else if (!ruleFor(node) || node.is('Softmax', 'LogSoftmax')) reached = false
    for (const output of node.outputs) live.add(output)
    if (alone !== undefined && reached && open.length > 0) end = alone
  }
  close()
  return inRows(found)
}

function inRows<L>(blocks: readonly Found<L>[]): LayerBlock<L>[] {
  const rows: Found<L>[] = []
  for (const block of blocks) {
    const last = rows.at(-1)
    if (last?.alone && last.reached && block.alone && last.layers.length < IN_A_ROW)
      rows[rows.length - 1] = { ...block, layers: [...last.layers, ...block.layers] }
    else rows.push(block)
  }
  return rows.map(({ layers, output }) => ({ layers, output }))
}
