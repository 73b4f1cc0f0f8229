import type { Node } from '../../onnx'
import type { Layer } from '../layer'
import { defineEncoding, type ConstantInputs } from './encoding'
import { leveled } from './leveled'
import { ROW_STEPS } from './looked-up'
import { recognizeRows } from './recognized'
import { pieces } from './restore'
import type { CodeStore } from './store'
import type { WeightCodes } from './values'

/** The quantiles of a normal distribution, brought to −1 … 1 with a zero among them. Source: arXiv:2305.14314, E. */
export const NF4_LEVELS = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
)

const codes = leveled('nf4', NF4_LEVELS)

/** MatMulBnb4 counts its blocks through the whole matrix: they must not run from a row into the next. */
const fitsOperator = ({ tensor, kind, isPlain }: Layer, { cols, block }: WeightCodes): boolean =>
  kind === 'matrix' &&
  isPlain &&
  tensor.dims.length === 2 &&
  tensor.dtype === 'float32' &&
  cols % block === 0 &&
  block >= 16 &&
  (block & (block - 1)) === 0

function writeOperator(store: CodeStore, layer: Layer, weight: WeightCodes, input: string): void {
  const { graph, model } = store
  const { node, name } = layer
  model.importOpset('com.microsoft', 1)
  const { rows, cols, block } = weight
  const { bytes, scales } = codes.stored(store, layer, weight)
  const absmax = store.once(weight, 'absmax', () =>
    store.op('Reshape', [scales, store.ints([-1])], `${layer.weight}_absmax`),
  )
  const product = layer.bias ? graph.freshName(`${name}_product`) : name
  graph.removeNode(node)
  graph.addNode({
    opType: 'MatMulBnb4',
    domain: 'com.microsoft',
    name: node.name || graph.freshName(`${name}_bnb4`),
    inputs: [input, bytes, absmax],
    outputs: [product],
    attributes: { K: { int: cols }, N: { int: rows }, block_size: { int: block }, quant_type: { int: 1 } },
  })
  if (layer.bias) graph.addNode({ opType: 'Add', inputs: [product, layer.bias.value], outputs: [name] })
}

const elements = (node: Node): number => node.int('K', 0) * node.int('N', 0)

/** Codes run through the whole matrix, the first of a byte in its high bits. Undefined for other levels than these. */
function restore(node: Node, _slot: number, constant: ConstantInputs): Iterable<Float32Array> | undefined {
  const [bytes, absmax] = [constant(1)?.bytes(), constant(2)?.floats()]
  if (!bytes || !absmax || node.int('quant_type', 1) !== 1) return undefined
  const block = node.int('block_size', 64)
  return pieces(elements(node), block, (i) => {
    const code = (bytes[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 15
    return NF4_LEVELS[code]! * absmax[Math.floor(i / block)]!
  })
}

export const nf4 = defineEncoding({
  id: 'nf4',
  title: 'NF4',
  summary:
    'Four-bit normal floats: levels spaced for normally distributed weights, times the largest magnitude of a block. MatMulBnb4 keeps matrices packed in memory where com.microsoft operators run; plain operators restore the rest.',
  sources: ['arXiv:2305.14314', 'com.microsoft MatMulBnb4'],
  recognize: (view, node) => recognizeRows(view, node, ROW_STEPS),
  method: {
    words: 'has 16 levels spaced for normally distributed weights',
    bits: 4,
    quantize: codes.quantize,
  },
  weights: [
    {
      storage: 'matmulnbits',
      packed: true,
      words: 'MatMulBnb4',
      fits: (layer, weight) => codes.holds(weight) && fitsOperator(layer, weight),
      bytes: codes.bytes,
      write: writeOperator,
    },
    ...codes.plain,
  ],
  operators: [
    {
      op: 'MatMulBnb4',
      domain: 'com.microsoft',
      codes: [1],
      settings: [2],
      bits: () => 4,
      elements,
      restore,
    },
  ],
})
