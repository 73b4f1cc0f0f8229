/** A layer written as two or three smaller ones. */
import type { Tensor, Graph } from '../../onnx'
import type { Layer } from '../../layers/layer'

/** One convolution or product of the new chain. */
export interface Stage {
  /** A kernel for Conv, a matrix [inputs, outputs] for products. */
  weight: Tensor
  /** For Conv. */
  strides?: number[]
  pads?: number[]
  dilations?: number[]
}

export interface Form {
  kind: 'svd' | 'channel' | 'spatial' | 'tucker'
  rank: number[]
  stages: Stage[]
}

export const elementsOf = ({ stages }: Form): number => stages.reduce((n, { weight }) => n + weight.size, 0)

/** Puts the stages in the layer's place; the last keeps its name, output and bias. */
export function applyForm(graph: Graph, { node, weight }: Layer, { stages }: Form): void {
  let value = node.inputs[0]!
  const output = node.outputs[0]!
  const bias = node.inputs[2]
  stages.forEach((stage, i) => {
    const last = i === stages.length - 1
    const name = graph.addInitializer(`${weight}_factor${i + 1}`, stage.weight)
    const out = last ? output : graph.freshName(`${output}_factor${i + 1}`)
    const withBias = last && bias ? [bias] : []
    graph.addNode(
      {
        opType: node.is('Conv') ? 'Conv' : withBias.length > 0 ? 'Gemm' : 'MatMul',
        ...(last && node.name && { name: node.name }),
        inputs: [value, name, ...withBias],
        outputs: [out],
        attributes: node.is('Conv') ? convAttributes(stage) : {},
      },
      node,
    )
    value = out
  })
  graph.removeNode(node)
  graph.prune()
}

function convAttributes({
  weight,
  strides,
  pads,
  dilations,
}: Stage): Record<string, { ints: number[] } | { int: number }> {
  const kernel = weight.dims.slice(2)
  return {
    kernel_shape: { ints: [...kernel] },
    strides: { ints: strides ?? kernel.map(() => 1) },
    pads: { ints: pads ?? [...kernel, ...kernel].map(() => 0) },
    dilations: { ints: dilations ?? kernel.map(() => 1) },
    group: { int: 1 },
  }
}
