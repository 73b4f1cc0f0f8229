/** A model with its low-bit weights in place of the float ones, each stored once however many layers read it. */
import { formFor } from '../../layers/encodings'
import type { WeightForm } from '../../layers/encodings/encoding'
import { CodeStore } from '../../layers/encodings/store'
import { nodesIn } from '../../layers/find'
import { gemmTerms } from '../../layers/kinds/matrix'
import type { Layer } from '../../layers/layer'
import { readInstead } from '../../layers/rewrite'
import { raiseOpset, Tensor, type Model } from '../../onnx'
import type { Target } from '../../targets/target'
import type { LowBit } from './low-bit'

interface AssembleOptions {
  storage: string
  target: Pick<Target, 'keepsPacked'>
}

export interface Assembled {
  model: Model
  /** How each layer reads its weight, by name. */
  forms: Map<string, WeightForm>
}

/** `layers` are of `model`'s graph, which is not edited; those without codes stay as they are. */
export function assemble(
  model: Model,
  layers: readonly Layer[],
  codesOf: (layer: Layer) => LowBit | undefined,
  { storage, target }: AssembleOptions,
): Assembled {
  const found = layers.flatMap((layer) => {
    const codes = codesOf(layer)
    return codes ? [{ layer, codes }] : []
  })
  // A table that words are looked up in is packed; what is tied to it reads the same bytes.
  const tables = new Set(found.filter(({ layer }) => layer.kind === 'embedding').map(({ codes }) => codes))
  const forms = new Map(
    found.map(({ layer, codes }) => {
      const tied = tables.has(codes)
      const shared = tied && storage === 'dequantize-linear'
      return [layer.name, formFor(layer, codes, shared ? 'auto' : storage, target.keepsPacked, tied)]
    }),
  )
  const opset = Math.max(0, ...found.map(({ layer, codes }) => forms.get(layer.name)!.opset?.(codes) ?? 0))
  const lifted = raiseOpset(model, opset)
  const clone = lifted === model ? model.clone() : lifted
  const store = new CodeStore(clone)
  const nodes = new Map([...nodesIn(clone.graph, true)].map(({ name, node }) => [name, node]))
  for (const { layer: original, codes } of found) {
    const layer = original.on(nodes.get(original.place)!)
    if (layer.within) {
      readOnce(store, layer, codes, forms.get(layer.name)!)
      continue
    }
    const input = codes.inputScale ? scaledInput(store, layer, codes.inputScale) : layer.input
    forms.get(layer.name)!.write(store, layer, codes, input)
  }
  clone.graph.sort()
  clone.graph.prune()
  return { model: clone, forms }
}

/** Bodies are alternatives or repeated: what several of their layers read is restored once, before them. */
function readOnce(store: CodeStore, layer: Layer, codes: LowBit, form: WeightForm): void {
  const { node, slot, weight } = layer
  const first = store.once(codes, `${node.opType} ${weight} in a body`, () => {
    form.write(store, layer, codes, layer.input)
    return node
  })
  if (first === node) return
  readInstead(layer, first.inputs[slot]!)
  if (node.is('Gemm')) node.set('transB', { int: Number(gemmTerms(first).transB) })
}

/** x / s, for weights that were multiplied by s. */
function scaledInput(store: CodeStore, { input, name }: Layer, scale: Float32Array): string {
  const inverse = Tensor.float32(
    [scale.length],
    scale.map((s) => 1 / s),
  )
  const constant = store.graph.addInitializer(`${name}_input_scale`, inverse)
  return store.op('Mul', [input, constant], `${name}_scaled_input`)
}
