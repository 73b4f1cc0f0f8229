/** Layers whose single weights can be pruned, as matrices [outputs, inputs]. */
import type { Layer } from '../../layers/layer'
import { NO_PRODUCT, productLayer } from '../../layers/product'
import type { Model } from '../../onnx'

/** Fewer weights than this are not worth a zero. */
const LEAST = 64

/** Layers in order; a weight that several read belongs to the first. */
export function sparseLayers(model: Model): {
  layers: Layer[]
  skipped: { layer: string; reason: string }[]
} {
  const seen = new Set<string>()
  const layers: Layer[] = []
  const skipped: { layer: string; reason: string }[] = []
  for (const node of model.graph.nodes) {
    if (!node.is('Conv', 'ConvTranspose', 'Gemm', 'MatMul')) continue
    const tensor = model.graph.initializers.get(node.inputs[1] ?? '')
    if (!tensor || seen.has(node.inputs[1]!)) continue
    const layer = productLayer(model.graph, node)
    seen.add(node.inputs[1]!)
    const reason = layer ? whyNot(layer) : NO_PRODUCT
    if (layer && !reason) layers.push(layer)
    else skipped.push({ layer: node.outputs[0]!, reason: reason! })
  }
  return { layers, skipped }
}

function whyNot({ kind, product, tensor }: Layer): string | undefined {
  if (tensor.size < LEAST) return `it has only ${tensor.size} weights`
  if (kind === 'conv' && product.groups > 1 && product.outputs === 1)
    return 'depthwise kernels are small and lose most'
  return undefined
}

/**
 * Order of inputs in which n-of-m patterns count: neighbouring channels at one tap of a kernel, as sparse
 * matrix units want it. Source: arXiv:2104.08378, section 3.
 */
export function patternOrder({ product, taps }: Layer): Int32Array {
  const { inputs } = product
  const channels = inputs / taps
  return Int32Array.from({ length: inputs }, (_, i) => (i % channels) * taps + Math.floor(i / channels))
}
