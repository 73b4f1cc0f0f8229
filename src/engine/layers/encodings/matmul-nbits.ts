import { blocksOf } from '../../math/quantize/grouped'
import { Tensor, type Node } from '../../onnx'
import type { Layer } from '../layer'
import { affineBytes, affineOf, type StoredAffine } from './affine'
import { defineEncoding, type ConstantInputs } from './encoding'
import { packedAt, pieces } from './restore'
import type { WeightCodes } from './values'
import type { CodeStore } from './store'

const BITS = [2, 4, 8]
const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0

/** Blocks of a power of two from 16 to 256; a product y = x · Wᵀ + b and nothing else. */
export function fitsPackedProduct(layer: Layer, bits: number, block: number): boolean {
  const { tensor, kind, isPlain } = layer
  const wide = block >= 16 && block <= 256 && isPowerOfTwo(block)
  return (
    BITS.includes(bits) &&
    wide &&
    kind === 'matrix' &&
    isPlain &&
    tensor.dims.length === 2 &&
    tensor.dtype === 'float32'
  )
}

/** The operator takes the middle code where it is given none; any other must be spelled out. */
function zeroInput(store: CodeStore, layer: Layer, { codes, zeros }: StoredAffine): string {
  if (typeof zeros !== 'number') return zeros.name
  if (zeros === 2 ** (codes.bits - 1)) return ''
  const { rows } = codes
  if (!Number.isInteger(zeros)) {
    const same = new Float32Array(rows * blocksOf(codes)).fill(zeros)
    return store.graph.addInitializer(`${layer.weight}_zero`, Tensor.float32([rows, blocksOf(codes)], same))
  }
  const perByte = 8 / codes.bits
  const perRow = Math.ceil(blocksOf(codes) / perByte)
  let byte = 0
  for (let i = 0; i < perByte; i++) byte |= zeros << (i * codes.bits)
  return store.graph.addInitializer(
    `${layer.weight}_zero`,
    Tensor.fromBytes('uint8', [codes.rows, perRow], new Uint8Array(codes.rows * perRow).fill(byte)),
  )
}

function write(store: CodeStore, layer: Layer, weight: WeightCodes, input: string): void {
  const { graph, model } = store
  const { node, name } = layer
  model.importOpset('com.microsoft', 1)
  const stored = affineOf(store, layer, weight)
  const { codes, scales } = stored
  const zeros = store.once(weight, 'zero input', () => zeroInput(store, layer, stored))
  const inputs = [input, codes.planes[0]!.name, scales, zeros, '', layer.bias?.value ?? '']
  while (inputs.at(-1) === '') inputs.pop()
  graph.removeNode(node)
  graph.addNode({
    opType: 'MatMulNBits',
    domain: 'com.microsoft',
    name: node.name || graph.freshName(`${name}_nbits`),
    inputs,
    outputs: [name],
    attributes: {
      K: { int: codes.cols },
      N: { int: codes.rows },
      bits: { int: codes.bits },
      block_size: { int: codes.block },
      // Float arithmetic: what is measured here is what runs everywhere.
      accuracy_level: { int: 1 },
    },
  })
}

/** B [N, blocks, bytes], zero points packed likewise or floats [N, blocks]. */
function restore(node: Node, _slot: number, constant: ConstantInputs): Iterable<Float32Array> | undefined {
  const [n, k, block, bits] = (['N', 'K', 'block_size', 'bits'] as const).map((name) =>
    node.int(name, 4),
  ) as [number, number, number, number]
  const [packed, scales] = [constant(1), constant(2)?.floats()]
  if (!packed || !scales || !BITS.includes(bits)) return undefined
  const blocks = Math.ceil(k / block)
  const codeAt = packedAt(packed.bytes(), bits)
  const stated = constant(3)
  const isPacked = stated?.dtype === 'uint8'
  const zeroAt = isPacked ? packedAt(stated.bytes(), bits) : undefined
  const zeros = isPacked ? undefined : stated?.floats()
  const perRow = Math.ceil((blocks * bits) / 8) * (8 / bits)
  return pieces(n * k, k, (i) => {
    const [row, col] = [Math.floor(i / k), i % k]
    const at = Math.floor(col / block)
    const zero = zeroAt?.(row * perRow + at) ?? zeros?.[row * blocks + at] ?? 2 ** (bits - 1)
    return (codeAt((row * blocks + at) * block + (col % block)) - zero) * scales[row * blocks + at]!
  })
}

export const matMulNBits = defineEncoding({
  id: 'matmul-nbits',
  title: 'MatMulNBits',
  summary: 'Matrices as packed codes of 2, 4 or 8 bits that stay packed in memory: ONNX Runtime on CPUs.',
  sources: ['com.microsoft MatMulNBits'],
  weights: [
    {
      storage: 'matmulnbits',
      packed: true,
      words: 'MatMulNBits',
      // ONNX Runtime takes zero points that are fractions with 2 and 4 bits only.
      fits: (layer, { grouped, bits, block }) =>
        grouped !== undefined &&
        fitsPackedProduct(layer, bits, block) &&
        (bits < 8 || grouped.zeros.every(Number.isInteger)),
      bytes: affineBytes,
      write,
    },
  ],
  operators: [
    {
      op: 'MatMulNBits',
      domain: 'com.microsoft',
      codes: [1],
      settings: [2, 3, 4],
      arithmetic: (node) => (node.int('accuracy_level', 0) === 4 ? 'int8' : undefined),
      bits: (node) => node.int('bits', 4),
      elements: (node) => node.int('N', 0) * node.int('K', 0),
      restore,
    },
  ],
})
