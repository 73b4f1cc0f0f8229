/**
 * How layers read low-bit weights: MatMulNBits keeps them packed in memory, an embedding unpacks only the rows
 * it looks up, everything else gets its weight restored when the model is loaded.
 * Sources: com.microsoft MatMulNBits; ONNX Gather.
 */
import { blocksOf } from '../../math/quantize/grouped'
import type { PlaneBits } from '../../math/quantize/pack'
import { Tensor, type Graph, type Model } from '../../onnx'
import type { PackedStore, PackedWeight } from './packed'
import type { Layer } from '../../layers/layer'
import { readInstead } from '../../layers/rewrite'

/** 'auto' packs for ONNX Runtime on CPUs; who knows of another target says what suits it. */
export const STORAGES = ['auto', 'matmulnbits', 'dequantize-linear', 'plain'] as const
export type Storage = (typeof STORAGES)[number]

/** MatMulNBits takes blocks of a power of two from 16 to 256, whole zero points and 2, 4 or 8 bits. */
export function fitsMatMulNBits(layer: Layer, bits: number, block: number): boolean {
  const { tensor } = layer
  if (tensor.dims.length !== 2 || tensor.dtype !== 'float32' || ![2, 4, 8].includes(bits)) return false
  if (block < 16 || block > 256 || (block & (block - 1)) !== 0) return false
  return layer.kind === 'matrix' && layer.isPlain
}

/** y = x · Wᵀ (+ b) with W packed. */
export function readByMatMulNBits(model: Model, layer: Layer, packed: PackedWeight, input: string): void {
  const { graph } = model
  const { node } = layer
  model.importOpset('com.microsoft', 1)
  const bits = packed.bits as PlaneBits
  const blocks = blocksOf(packed)
  // Without zero points the operator takes the middle code; any other one must be spelled out.
  const zeros =
    typeof packed.zeros === 'number'
      ? packed.zeros === 2 ** (bits - 1)
        ? ''
        : constantZeros(graph, layer, packed, blocks)
      : packed.zeros.name
  const bias = node.is('Gemm') ? (node.inputs[2] ?? '') : ''
  const inputs = [input, packed.planes[0]!.name, packed.scales, zeros, '', bias]
  while (inputs[inputs.length - 1] === '') inputs.pop()
  const at = node.name
  graph.removeNode(node)
  graph.addNode({
    opType: 'MatMulNBits',
    domain: 'com.microsoft',
    name: at || graph.freshName(`${layer.name}_nbits`),
    inputs,
    outputs: [layer.name],
    attributes: {
      K: { int: packed.cols },
      N: { int: packed.rows },
      bits: { int: bits },
      block_size: { int: packed.block },
      // Float arithmetic: what is measured here is what runs everywhere.
      accuracy_level: { int: 1 },
    },
  })
}

function constantZeros(graph: Graph, layer: Layer, packed: PackedWeight, blocks: number): string {
  const perByte = 8 / packed.bits
  const perRow = Math.ceil(blocks / perByte)
  let byte = 0
  for (let i = 0; i < perByte; i++) byte |= (packed.zeros as number) << (i * packed.bits)
  return graph.addInitializer(
    `${layer.weight}_zero`,
    Tensor.fromBytes('uint8', [packed.rows, perRow], new Uint8Array(packed.rows * perRow).fill(byte)),
  )
}

/** Makes the node read the restored weight, which has rows first. */
export function readRestored(layer: Layer, value: string, store: PackedStore): void {
  const { node, weight } = layer
  let read = value
  if (node.is('Gemm')) node.set('transB', { int: 1 })
  else if (node.is('MatMul')) {
    const { dims } = layer.tensor
    const order = dims.map((_, i) => i)
    read = store.op('Transpose', [value], `${weight}_turned`, { perm: { ints: [...order.slice(1), 0] } })
  }
  readInstead(layer, read)
}

/** Dims of the restored weight: rows first. */
export function restoredDims({ node, tensor }: Layer, rows: number): number[] {
  if (node.is('MatMul')) return [rows, ...tensor.dims.slice(0, -1)]
  if (node.is('Gemm')) return [rows, tensor.size / rows]
  return [...tensor.dims]
}

/** An embedding that unpacks the rows it looks up: [ids…] → [ids…, width]. */
export function readRows(layer: Layer, packed: PackedWeight, store: PackedStore): void {
  const { graph } = store
  const { node } = layer
  const name = layer.name
  const ids = node.inputs[1]!
  const rows = (table: string, part: string): string =>
    store.op('Gather', [table, ids], `${name}_${part}`, { axis: { int: 0 } })
  const idShape = store.op('Shape', [ids], `${name}_ids`)
  const shaped = (value: string, ...tail: number[]): string =>
    store.op(
      'Reshape',
      [value, store.op('Concat', [idShape, store.ints(tail)], `${name}_shape`, { axis: { int: 0 } })],
      `${name}_block`,
    )
  const blocks = blocksOf(packed)
  let sum = ''
  let weight = 1
  for (const plane of packed.planes) {
    let part = shaped(store.unpack(rows(plane.name, 'bytes'), plane.bits, name), blocks, packed.padded)
    if (weight > 1) part = store.op('Mul', [part, store.scalar(weight)], `${name}_high`)
    sum = sum ? store.op('Add', [sum, part], `${name}_codes`) : part
    weight *= 2 ** plane.bits
  }
  const { zeros } = packed
  if (typeof zeros !== 'number') {
    const flat = shaped(store.unpack(rows(zeros.name, 'zero_bytes'), zeros.bits, `${name}_zero`), -1)
    const cut = store.op(
      'Slice',
      [flat, store.ints([0]), store.ints([blocks]), store.ints([-1])],
      `${name}_zeros`,
    )
    sum = store.op('Sub', [sum, shaped(cut, blocks, 1)], `${name}_centred`)
  } else if (zeros !== 0) sum = store.op('Sub', [sum, store.scalar(zeros)], `${name}_centred`)
  const scaled = store.op(
    'Mul',
    [sum, shaped(rows(packed.scales, 'row_scales'), blocks, 1)],
    `${name}_scaled`,
  )
  let value = shaped(scaled, -1)
  if (blocks * packed.padded !== packed.cols)
    value = store.op(
      'Slice',
      [value, store.ints([0]), store.ints([packed.cols]), store.ints([-1])],
      `${name}_cut`,
    )
  graph.removeNode(node)
  graph.addNode({
    opType: 'Cast',
    name: graph.freshName(`${name}_cast`),
    inputs: [value],
    outputs: [layer.name],
    attributes: {
      to: { int: layer.tensor.dtype === 'float16' ? 10 : layer.tensor.dtype === 'bfloat16' ? 16 : 1 },
    },
  })
}
