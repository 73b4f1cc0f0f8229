/** A model with its low-bit weights in place of the float ones, each stored once however many layers read it. */
import { raiseOpset, Tensor, type Model } from '../../onnx'
import type { Target } from '../../targets/target'
import type { WeightedLayer } from './layers'
import type { LowBit } from './low-bit'
import { PackedStore, type CodebookWeight, type PackedWeight } from './packed'
import {
  fitsMatMulNBits,
  readByMatMulNBits,
  readRestored,
  readRows,
  restoredDims,
  type Storage,
} from './readers'
import { addDequantized, fitsDequantizeLinear, opsetFor } from './standard'

export interface AssembleOptions {
  storage: Storage
}

export interface Assembled {
  model: Model
  /** What reads each layer's weight: 'MatMulNBits', 'DequantizeLinear', 'rows' or 'restored at load'. */
  readers: Map<string, string>
}

/** Weights restored when the model is loaded are constants to accelerators that know no MatMulNBits. */
export const storageFor = (storage: Storage, target: Target): Storage =>
  storage === 'auto' && !target.keepsPacked ? 'plain' : storage

/** `layers` are of `model`'s graph, which is not edited; those without codes stay as they are. */
export function assemble(
  model: Model,
  layers: readonly WeightedLayer[],
  codesOf: (layer: WeightedLayer) => LowBit | undefined,
  options: AssembleOptions,
): Assembled {
  // A table that words are looked up in is packed; what is tied to it reads the same bytes.
  const tables = new Set(layers.filter(({ node }) => node.is('Gather')).map(codesOf))
  const isStandard = (layer: WeightedLayer, found: LowBit): boolean =>
    options.storage === 'dequantize-linear' &&
    !!found.grouped &&
    fitsDequantizeLinear(layer, found.bits) &&
    !tables.has(found)
  const needed = layers.map((layer) => {
    const found = codesOf(layer)
    return found && isStandard(layer, found) ? opsetFor(found.grouped!) : 0
  })
  const lifted = raiseOpset(model, Math.max(...needed, 0))
  const clone = lifted === model ? model.clone() : lifted
  const store = new PackedStore(clone.graph)
  const packed = new Map<LowBit, PackedWeight | CodebookWeight>()
  const restored = new Map<LowBit, string>()
  const readers = new Map<string, string>()
  const nodes = new Map(clone.graph.nodes.map((node) => [node.outputs[0]!, node]))
  for (const original of layers) {
    const found = codesOf(original)
    if (!found) continue
    const layer = { ...original, node: nodes.get(original.layer)! }
    if (isStandard(layer, found)) {
      let value = restored.get(found)
      if (!value) restored.set(found, (value = addDequantized(clone.graph, layer, found.grouped!)))
      const { node, weight } = layer
      if (found.inputScale) node.inputs[0] = scaledInput(store, layer, found.inputScale)
      node.inputs = node.inputs.map((input) => (input === weight ? value : input))
      readers.set(layer.layer, 'DequantizeLinear')
      continue
    }
    let stored = packed.get(found)
    if (!stored) packed.set(found, (stored = pack(store, layer.weight, found)))
    const input = found.inputScale ? scaledInput(store, layer, found.inputScale) : layer.node.inputs[0]!
    if (
      'scales' in stored &&
      options.storage !== 'plain' &&
      fitsMatMulNBits(layer, found.bits, found.block)
    ) {
      readByMatMulNBits(clone, layer, stored, input)
      readers.set(layer.layer, 'MatMulNBits')
    } else if ('scales' in stored && layer.node.is('Gather')) {
      readRows(layer, stored, store)
      readers.set(layer.layer, 'rows unpacked as they are looked up')
    } else {
      let value = restored.get(found)
      if (!value) restored.set(found, (value = restore(store, layer, stored)))
      if (found.inputScale) layer.node.inputs[0] = input
      readRestored(layer, value, store)
      readers.set(layer.layer, 'restored when loaded')
    }
  }
  clone.graph.sort()
  clone.graph.prune()
  return { model: clone, readers }
}

function pack(store: PackedStore, name: string, low: LowBit): PackedWeight | CodebookWeight {
  if (low.grouped) return store.addGroups(name, low.grouped)
  return store.addCodebook(name, low, low.codes, low.codebook!)
}

function restore(store: PackedStore, layer: WeightedLayer, stored: PackedWeight | CodebookWeight): string {
  const { weight, tensor } = layer
  const dims = restoredDims(layer, stored.rows)
  return 'scales' in stored
    ? store.restore(stored, weight, dims, tensor.dtype)
    : store.restoreCodebook(stored, weight, dims, tensor.dtype)
}

/** x / s, for weights that were multiplied by s. */
function scaledInput(store: PackedStore, { node, layer }: WeightedLayer, scale: Float32Array): string {
  const inverse = Tensor.float32(
    [scale.length],
    scale.map((s) => 1 / s),
  )
  return store.op(
    'Mul',
    [node.inputs[0]!, store.graph.addInitializer(`${layer}_input_scale`, inverse)],
    `${layer}_scaled_input`,
  )
}
