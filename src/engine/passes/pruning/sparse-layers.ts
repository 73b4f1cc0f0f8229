/** Layers whose single weights can be pruned. */
import { findLayers, STANDARD_OPS, type NotALayer } from '../../layers/find'
import type { Layer } from '../../layers/layer'
import { leftOut, worthTelling } from '../../layers/left-out'
import { NO_PRODUCT, productLayer } from '../../layers/product'
import type { Model } from '../../onnx'

/** Fewer weights than this are not worth a zero. */
const LEAST = 64

/** Operators whose weights sum over inputs: a zero spares a product. */
const OPS = [...STANDARD_OPS.filter((op) => op !== 'Gather'), 'LSTM', 'GRU', 'RNN']

/**
 * Layers in order; a weight that several read belongs to the first. `byInputs` keeps to those whose weights lie input
 * by input, which patterns count along.
 */
export function sparseLayers(model: Model, byInputs: boolean): { layers: Layer[]; skipped: NotALayer[] } {
  const { graph } = model
  const found = findLayers(graph, { ops: OPS })
  const seen = new Set<string>()
  const layers: Layer[] = []
  const skipped = [...leftOut(model, OPS), ...worthTelling(found.skipped)]
  for (const layer of found.layers) {
    if (seen.has(layer.weight) || !graph.initializers.has(layer.weight)) continue
    seen.add(layer.weight)
    const reason = whyNot(layer) ?? (byInputs && !productLayer(graph, layer.node) ? NO_PRODUCT : undefined)
    if (reason) skipped.push({ layer: layer.name, reason })
    else layers.push(layer)
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
