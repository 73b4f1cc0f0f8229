/** Counting weights that are not zero, streaming: what pruning leaves. */
import { unpackBits, type Model, type Node, type Tensor } from '../onnx'
import type { Weight } from './weights'
import { evaluateConstant } from './constants'
import { floatsOf } from './value'

/** Elements that are not zero; −0 is zero. Float and integer tensors; reads in pieces. */
export function countNonzero(tensor: Tensor): number {
  let count = 0
  if (tensor.bits < 8) return countIn(tensor.values())
  for (const chunk of tensor.chunks()) {
    const bytes = chunk.byteOffset % 8 === 0 ? chunk : chunk.slice()
    const view = wordsOf(tensor, bytes)
    // The sign bit is shifted out, so that −0 is zero as well; integers keep theirs.
    if (view instanceof Uint32Array) for (let i = 0; i < view.length; i++) count += view[i]! << 1 ? 1 : 0
    else if (view instanceof Uint16Array)
      for (let i = 0; i < view.length; i++) count += view[i]! & 0x7fff ? 1 : 0
    else count += countIn(view)
  }
  return count
}

function wordsOf(tensor: Tensor, bytes: Uint8Array): Uint32Array | Uint16Array | ArrayLike<number | bigint> {
  const { buffer, byteOffset, byteLength } = bytes
  if (tensor.dtype === 'float32') return new Uint32Array(buffer, byteOffset, byteLength / 4)
  if (tensor.dtype === 'float16' || tensor.dtype === 'bfloat16')
    return new Uint16Array(buffer, byteOffset, byteLength / 2)
  if (tensor.dtype === 'float64') return new Float64Array(buffer, byteOffset, byteLength / 8)
  if (tensor.bits === 64) return new BigInt64Array(buffer, byteOffset, byteLength / 8)
  if (tensor.bits === 32) return new Int32Array(buffer, byteOffset, byteLength / 4)
  if (tensor.bits === 16) return new Int16Array(buffer, byteOffset, byteLength / 2)
  return bytes
}

function countIn(values: ArrayLike<number | bigint>): number {
  let count = 0
  for (let i = 0; i < values.length; i++) if (Number(values[i]) !== 0) count++
  return count
}

/** Elements of `weight` whose value, as the layer sees it, is not zero. */
export async function nonzeroOf(model: Model, node: Node, weight: Weight): Promise<number> {
  const { graph } = model
  if (node.opType === 'MatMulNBits') return nonzeroInBlocks(node, graph.constant.bind(graph))
  const direct = graph.constant(weight.value)
  if (direct) return countCodes(direct, zeroPointOf(model, node, weight.value))
  const producer = graph.producer(weight.value)
  const stored = producer?.is('DequantizeLinear') ? graph.constant(producer.inputs[0]!) : undefined
  if (stored) {
    const zero = producer!.inputs[2] ? graph.constant(producer!.inputs[2]) : undefined
    if (!zero || countNonzero(zero) === 0) return countNonzero(stored)
  }
  return countIn(floatsOf(await evaluateConstant(model, weight.value)))
}

/** Where an operator says which code of a weight stands for zero: weight slot → slot of its zero point. */
const ZERO_POINTS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  QLinearConv: { 3: 5 },
  QLinearMatMul: { 0: 2, 3: 5 },
  QGemm: { 3: 5 },
  QLinearAdd: { 0: 2, 3: 5 },
  MatMulInteger: { 0: 2, 1: 3 },
  ConvInteger: { 1: 3 },
  DynamicQuantizeMatMul: { 1: 3 },
  MatMulIntegerToFloat: { 0: 4, 1: 5 },
}

function zeroPointOf(model: Model, node: Node, value: string): Tensor | undefined {
  const slot = ZERO_POINTS[node.opType]?.[node.inputs.indexOf(value)]
  const name = slot === undefined ? undefined : node.inputs[slot]
  return name ? model.graph.constant(name) : undefined
}

function countCodes(codes: Tensor, zero: Tensor | undefined): number {
  const [zeroPoint = 0, ...others] = zero ? zero.numbers() : [0]
  if (zeroPoint === 0 && others.every((z) => z === 0)) return countNonzero(codes)
  const values = codes.numbers()
  const zeros = zero!.numbers()
  // Convolutions hold their channels first, matrices last.
  const first = codes.dims.length > 2
  const channels = zeros.length
  const inner = codes.size / channels
  let count = 0
  for (let i = 0; i < values.length; i++) {
    const channel = channels === 1 ? 0 : first ? Math.floor(i / inner) : i % channels
    if (values[i] !== zeros[channel]) count++
  }
  return count
}

/** Source: ContribOperators.md, com.microsoft.MatMulNBits: B [N, blocks, bytes], zero points packed likewise. */
function nonzeroInBlocks(node: Node, constant: (value: string) => Tensor | undefined): number {
  const [n, k, block, bits] = (['N', 'K', 'block_size', 'bits'] as const).map((name) =>
    node.int(name, 4),
  ) as [number, number, number, number]
  const packed = constant(node.inputs[1]!)
  if (!packed || ![2, 4, 8].includes(bits)) return n * k
  const blocks = Math.ceil(k / block)
  const codes = codesOf(packed.bytes(), n * blocks * block, bits)
  const stated = node.inputs[3] ? constant(node.inputs[3]) : undefined
  const perRow = Math.ceil((blocks * bits) / 8) * (8 / bits)
  const zeros = stated?.dtype === 'uint8' ? codesOf(stated.bytes(), n * perRow, bits) : undefined
  let count = 0
  for (let row = 0; row < n; row++)
    for (let i = 0; i < k; i++) {
      const at = Math.floor(i / block)
      const zero = zeros ? zeros[row * perRow + at]! : 2 ** (bits - 1)
      if (codes[(row * blocks + at) * block + (i % block)] !== zero) count++
    }
  return count
}

const codesOf = (bytes: Uint8Array, count: number, bits: number): ArrayLike<number> =>
  bits === 8 ? bytes : unpackBits(bytes, count, bits as 2 | 4, false)
