/** Weights as int8 of their own shape with a scale a row: the fewest operators that bring one back. */
import { codeOf, Tensor, type Graph } from '../../onnx'
import { transposed } from '../../math/quantize/rows'
import type { Layer } from '../layer'
import { readInstead } from '../rewrite'
import { defineEncoding } from './encoding'
import type { CodeStore } from './store'
import { codeBytes, scaleBytes, type WeightCodes } from './values'

const MIDDLE = 128

/** Dims of scales [rows] against the weight as the layer reads it. */
function scaleDims({ tensor: { dims }, geometry: { rows, turned } }: Layer): number[] {
  if (turned) return [rows]
  let ahead = 1
  return dims.map((dim) => {
    if (ahead === rows) return 1
    ahead *= dim
    return dim
  })
}

/** Cast(codes) · scales, which runtimes work out once, as they load the model. */
function restoredFloats(
  graph: Graph,
  { codes, scales }: { codes: string; scales: string },
  name: string,
): string {
  const add = (opType: string, inputs: string[], part: string, to?: number): string => {
    const output = graph.freshName(`${name}_${part}`)
    graph.addNode({
      opType,
      inputs,
      outputs: [output],
      attributes: to === undefined ? {} : { to: { int: to } },
    })
    return output
  }
  return add('Mul', [add('Cast', [codes], 'floats', codeOf('float32')), scales], 'restored')
}

function write(store: CodeStore, layer: Layer, weight: WeightCodes): string {
  const { weight: name, tensor, geometry } = layer
  const { rows, cols, codes, grouped } = weight
  const laid = geometry.turned ? transposed(codes, rows, cols) : codes
  const bytes = Uint8Array.from(laid, (code) => code - MIDDLE)
  const stored = store.graph.addInitializer(`${name}_q8`, Tensor.fromBytes('int8', tensor.dims, bytes))
  const scales = store.addFloats(`${name}_scale`, scaleDims(layer), grouped!.scales)
  return restoredFloats(store.graph, { codes: stored, scales }, name)
}

export const integerWeights = defineEncoding({
  id: 'integer-weights',
  title: 'Integers of a row',
  summary:
    'Weights as int8 and a scale a row: a Cast and a product, which every runtime has and works out when it loads the model.',
  sources: ['ONNX Cast, Mul', 'arXiv:2004.09602'],
  weights: [
    {
      storage: 'plain',
      words: 'restored when loaded',
      own: true,
      fits: ({ kind, tensor }, { grouped, bits, block, cols }) =>
        bits === 8 &&
        block >= cols &&
        kind !== 'embedding' &&
        tensor.dtype === 'float32' &&
        grouped?.zeros.every((zero) => zero === MIDDLE) === true,
      bytes: (weight) => codeBytes(weight) + scaleBytes(weight.grouped!.scales),
      write(store, layer, weight, input) {
        layer.node.inputs[layer.type.input] = input
        const layout = `${layer.geometry.turned} ${layer.tensor.dims.join()}`
        readInstead(
          layer,
          store.once(weight, layout, () => write(store, layer, weight)),
        )
      },
    },
  ],
})
