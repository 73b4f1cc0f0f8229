import { usableScale } from '../../math/quantize/affine'
import { blocksOf, type GroupShape } from '../../math/quantize/grouped'
import { toHalf } from '../../math/quantize/half'
import { Tensor, type Node } from '../../onnx'
import type { Layer } from '../layer'
import { defineEncoding, type ConstantInputs } from './encoding'
import type { WeightCodes } from './values'
import { LookedUpRows, ROW_STEPS } from './looked-up'
import { recognizeRows } from './recognized'
import { pieces } from './restore'
import { writeRestored, shapedRows } from './restored'
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

interface Stored {
  /** uint8 [rows, blocks, bytes of a block]: two codes a byte, the first in the high bits. */
  bytes: string
  /** Name of float32 [rows, blocks]. */
  scales: string
  codes: StoredCodes
}

/** One for the operator and for plain operators alike. */
const storedOf = (store: CodeStore, { weight: name }: Layer, weight: WeightCodes): Stored =>
  store.once(weight, 'nf4', () => {
    const { rows, cols, block, codes, scaled } = weight
    const blocks = blocksOf(weight)
    const padded = 2 * Math.ceil(block / 2)
    const bytes = new Uint8Array((rows * blocks * padded) / 2)
    for (let i = 0; i < codes.length; i++) {
      const at =
        Math.floor(i / cols) * blocks * padded +
        Math.floor((i % cols) / block) * padded +
        ((i % cols) % block)
      bytes[at >> 1]! |= at % 2 === 0 ? codes[i]! << 4 : codes[i]!
    }
    const dims = [rows, blocks, padded / 2]
    return {
      bytes: store.graph.addInitializer(`${name}_nf4`, Tensor.fromBytes('uint8', dims, bytes)),
      scales: store.addScales(name, weight, scaled!.scales),
      codes: { ...weight, planes: [], padded },
    }
  })

function writeOperator(store: CodeStore, layer: Layer, weight: WeightCodes, input: string): void {
  const { graph, model } = store
  const { node, name } = layer
  model.importOpset('com.microsoft', 1)
  const { rows, cols, block } = weight
  const { bytes, scales } = storedOf(store, layer, weight)
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

/** Bytes [..., n] → the levels of their two codes [..., n, 2]. */
const levelsOf = (store: CodeStore, bytes: string, name: string): string =>
  store.lookUp(
    store.constant('nf4 levels', 'nf4_levels', () =>
      Tensor.float32(
        [256, 2],
        Float32Array.from({ length: 512 }, (_, i) => NF4_LEVELS[i % 2 === 0 ? i >> 5 : (i >> 1) & 15]!),
      ),
    ),
    bytes,
    name,
  )

function restored(store: CodeStore, layer: Layer, weight: WeightCodes): string {
  const name = layer.weight
  const { bytes, scales, codes } = storedOf(store, layer, weight)
  const shape = store.ints([codes.rows, -1, codes.padded])
  const values = store.op('Reshape', [levelsOf(store, bytes, name), shape], `${name}_levels`)
  const columns = store.op('Reshape', [scales, store.ints([codes.rows, -1, 1])], `${name}_scales`)
  return shapedRows(store, store.op('Mul', [values, columns], `${name}_scaled`), codes, layer)
}

function writeRows(store: CodeStore, layer: Layer, weight: WeightCodes): void {
  const { bytes, scales, codes } = storedOf(store, layer, weight)
  const rows = new LookedUpRows(store, layer, codes)
  const levels = levelsOf(store, rows.rowsOf(bytes, 'bytes'), rows.name)
  const columns = rows.shaped(rows.rowsOf(scales, 'row_scales'), blocksOf(codes), 1)
  const values = rows.shaped(levels, blocksOf(codes), codes.padded)
  rows.finish(store.op('Mul', [values, columns], `${rows.name}_scaled`))
}

const elements = (node: Node): number => node.int('K', 0) * node.int('N', 0)

/** Codes run through the whole matrix, the first of a byte in its high bits. Undefined for other levels than these. */
function restore(node: Node, _slot: number, constant: ConstantInputs): Iterable<Float32Array> | undefined {
  const [codes, absmax] = [constant(1)?.bytes(), constant(2)?.floats()]
  if (!codes || !absmax || node.int('quant_type', 1) !== 1) return undefined
  const block = node.int('block_size', 64)
  return pieces(elements(node), block, (i) => {
    const code = (codes[i >> 1]! >> (i % 2 === 0 ? 4 : 0)) & 15
    return NF4_LEVELS[code]! * absmax[Math.floor(i / block)]!
  })
}

const isNf4 = ({ scaled }: WeightCodes): boolean => scaled?.levels === NF4_LEVELS

const bytes = (weight: WeightCodes): number => codeBytes(weight) + scaleBytes(weight.scaled!.scales)

export const nf4 = defineEncoding({
  id: 'nf4',
  title: 'NF4',
  summary:
    'Four-bit normal floats: levels spaced for normally distributed weights, times the largest magnitude of a block. MatMulBnb4 keeps matrices packed in memory where com.microsoft operators run; plain operators restore the rest.',
  sources: ['arXiv:2305.14314', 'com.microsoft MatMulBnb4'],
  recognize: (view, node) => recognizeRows(view, node, ROW_STEPS),
  method: { bits: 4, quantize },
  weights: [
    {
      storage: 'matmulnbits',
      packed: true,
      words: 'MatMulBnb4',
      fits: (layer, weight) => isNf4(weight) && fitsOperator(layer, weight),
      bytes,
      write: writeOperator,
    },
    {
      storage: 'plain',
      bytes,
      words: 'rows unpacked as they are looked up',
      fits: ({ kind }, weight) => kind === 'embedding' && isNf4(weight),
      write: writeRows,
    },
    {
      storage: 'plain',
      bytes,
      words: 'restored when loaded',
      fits: (_, weight) => isNf4(weight),
      write: writeRestored(restored),
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
      restore,
    },
  ],
})
