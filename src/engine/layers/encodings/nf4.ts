import { usableScale } from '../../math/quantize/affine'
import { blocksOf, type GroupShape } from '../../math/quantize/grouped'
import { toHalf } from '../../math/quantize/half'
import { Tensor, type Node } from '../../onnx'
import type { Layer } from '../layer'
import { defineEncoding, type WeightCodes } from './encoding'
import { LookedUpRows } from './looked-up'
import { readRestored, shapedRows, unpackedCodes } from './restored'
import type { CodeStore, StoredCodes } from './store'
import { codeBytes, scaleBytes } from './values'

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

/** Between two levels the nearer one. */
const THRESHOLDS = NF4_LEVELS.slice(1).map((level, i) => (level + NF4_LEVELS[i]!) / 2)

function codeFor(value: number): number {
  let code = 0
  while (code < THRESHOLDS.length && value > THRESHOLDS[code]!) code++
  return code
}

/** Each block is divided by its largest magnitude; then the nearest level. */
function quantize(values: Float32Array, shape: GroupShape): WeightCodes {
  const { rows, cols, block } = shape
  const blocks = blocksOf(shape)
  const scales = new Float32Array(rows * blocks)
  const codes = new Uint8Array(values.length)
  for (let group = 0; group < scales.length; group++) {
    const row = Math.floor(group / blocks)
    const from = row * cols + (group % blocks) * block
    const to = Math.min(from + block, (row + 1) * cols)
    let largest = 0
    for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(values[i]!))
    // A half, so that it may be stored as one.
    const scale = toHalf(usableScale(largest))
    scales[group] = scale
    for (let i = from; i < to; i++) codes[i] = codeFor(values[i]! / scale)
  }
  return { ...shape, bits: 4, codes, scaled: { levels: NF4_LEVELS, scales } }
}

/** MatMulBnb4 counts its blocks through the whole matrix: they must not run from a row into the next. */
const fitsOperator = ({ tensor, kind, isPlain }: Layer, { cols, block }: WeightCodes): boolean =>
  kind === 'matrix' &&
  isPlain &&
  tensor.dims.length === 2 &&
  tensor.dtype === 'float32' &&
  cols % block === 0 &&
  block >= 16 &&
  (block & (block - 1)) === 0

/** Two codes a byte, the first in the high bits. */
function packed(codes: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2))
  codes.forEach((code, i) => (bytes[i >> 1]! |= i % 2 === 0 ? code << 4 : code))
  return bytes
}

function writeOperator(store: CodeStore, layer: Layer, weight: WeightCodes, input: string): void {
  const { graph, model } = store
  const { node, name, weight: value } = layer
  model.importOpset('com.microsoft', 1)
  const { rows, cols, block, codes, scaled } = weight
  const constants = store.once(weight, 'bnb4', () => [
    graph.addInitializer(
      `${value}_nf4`,
      Tensor.fromBytes('uint8', [Math.ceil(codes.length / 2)], packed(codes)),
    ),
    graph.addInitializer(`${value}_absmax`, Tensor.float32([scaled!.scales.length], scaled!.scales)),
  ])
  const product = layer.bias ? graph.freshName(`${name}_product`) : name
  graph.removeNode(node)
  graph.addNode({
    opType: 'MatMulBnb4',
    domain: 'com.microsoft',
    name: node.name || graph.freshName(`${name}_bnb4`),
    inputs: [input, ...constants],
    outputs: [product],
    attributes: { K: { int: cols }, N: { int: rows }, block_size: { int: block }, quant_type: { int: 1 } },
  })
  if (layer.bias) graph.addNode({ opType: 'Add', inputs: [product, layer.bias.value], outputs: [name] })
}

interface Stored {
  codes: StoredCodes
  scales: string
}

const storedOf = (store: CodeStore, layer: Layer, weight: WeightCodes): Stored =>
  store.once(weight, 'nf4', () => ({
    codes: store.addCodes(layer.weight, weight),
    scales: store.addScales(layer.weight, weight, weight.scaled!.scales),
  }))

const levels = (store: CodeStore): string =>
  store.constant('nf4 levels', 'nf4_levels', () => Tensor.float32([16], NF4_LEVELS))

function restored(store: CodeStore, layer: Layer, weight: WeightCodes): string {
  const name = layer.weight
  const { codes, scales } = storedOf(store, layer, weight)
  const values = store.lookUp(levels(store), unpackedCodes(store, codes, name), name)
  const columns = store.op('Reshape', [scales, store.ints([codes.rows, -1, 1])], `${name}_scales`)
  return shapedRows(store, store.op('Mul', [values, columns], `${name}_scaled`), codes, layer)
}

function writeRows(store: CodeStore, layer: Layer, weight: WeightCodes): void {
  const { codes, scales } = storedOf(store, layer, weight)
  const rows = new LookedUpRows(store, layer, codes)
  const values = store.lookUp(levels(store), rows.codes(), rows.name)
  const columns = rows.shaped(rows.rowsOf(scales, 'row_scales'), blocksOf(codes), 1)
  rows.finish(store.op('Mul', [values, columns], `${rows.name}_scaled`))
}

const elements = (node: Node): number => node.int('K', 0) * node.int('N', 0)

/** The code of zero is 7. */
function nonzero(node: Node, constant: (slot: number) => Tensor | undefined): number {
  const count = elements(node)
  const bytes = constant(1)?.bytes()
  if (!bytes) return count
  let found = 0
  for (let i = 0; i < count; i++) if (((bytes[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 15) !== 7) found++
  return found
}

const isNf4 = ({ scaled }: WeightCodes): boolean => scaled?.levels === NF4_LEVELS

const plain = {
  storage: 'plain',
  bytes: (weight: WeightCodes) => codeBytes(weight) + scaleBytes(weight.scaled!.scales),
}

export const nf4 = defineEncoding({
  id: 'nf4',
  title: 'NF4',
  summary:
    'Four-bit normal floats: levels spaced for normally distributed weights, times the largest magnitude of a block. MatMulBnb4 keeps matrices packed in memory where com.microsoft operators run; plain operators restore the rest.',
  sources: ['arXiv:2305.14314', 'com.microsoft MatMulBnb4'],
  method: { bits: 4, quantize },
  weights: [
    {
      storage: 'matmulnbits',
      packed: true,
      words: 'MatMulBnb4',
      fits: (layer, weight) => isNf4(weight) && fitsOperator(layer, weight),
      bytes: (weight) => codeBytes(weight) + 4 * weight.scaled!.scales.length,
      write: writeOperator,
    },
    {
      ...plain,
      words: 'rows unpacked as they are looked up',
      fits: ({ kind }, weight) => kind === 'embedding' && isNf4(weight),
      write: writeRows,
    },
    {
      ...plain,
      words: 'restored when loaded',
      fits: (_, weight) => isNf4(weight),
      write(store, layer, weight, input) {
        layer.node.inputs[layer.type.input] = input
        readRestored(
          store,
          layer,
          store.once(weight, 'restored', () => restored(store, layer, weight)),
        )
      },
    },
  ],
  operators: [
    {
      op: 'MatMulBnb4',
      domain: 'com.microsoft',
      codes: [1],
      settings: [2],
      bits: () => 4,
      elements,
      nonzero,
    },
  ],
})
