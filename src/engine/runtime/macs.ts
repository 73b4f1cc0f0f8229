/**
 * Multiply-accumulates of a node from traced shapes. Sources: the operators' definitions in ONNX and in
 * ONNX Runtime's ContribOperators.md. Element-wise work, normalization and activations count 0.
 */
import { sizeOf, type Model, type Node } from '../onnx'
import type { TracedValue } from './trace'

type Traced = ReadonlyMap<string, TracedValue>

/** Dimensions of an input or output; [] where it is absent or no tensor. */
type DimsOf = (value: string | undefined) => readonly number[]

type Rule = (node: Node, dims: DimsOf) => number

const size = (dims: readonly number[]): number => (dims.length === 0 ? 0 : sizeOf(dims))
const last = (dims: readonly number[], back = 1): number => dims[dims.length - back] ?? 1

/** Every output element sums over the input channels of its group and the kernel. */
const convolution =
  (weight: number): Rule =>
  (node, dims) => {
    const w = dims(node.inputs[weight])
    return size(dims(node.outputs[0])) * size(w.slice(1))
  }

/** Every input element is spread over the output channels of its group and the kernel. */
const transposedConvolution: Rule = (node, dims) =>
  size(dims(node.inputs[0])) * size(dims(node.inputs[1]).slice(1))

const product: Rule = (node, dims) => {
  const a = dims(node.inputs[0])
  const out = dims(node.outputs[0])
  // A vector times a vector gives a scalar, whose dims are empty.
  return (out.length === 0 ? 1 : sizeOf(out)) * (node.int('transA', 0) === 1 ? last(a, 2) : last(a))
}

const byAttribute: Rule = (node, dims) => size(dims(node.outputs[0])) * node.int('K', 0)

const recurrent =
  (gates: number): Rule =>
  (node, dims) => {
    const x = dims(node.inputs[0])
    const r = dims(node.inputs[2])
    const steps = (x[0] ?? 0) * (x[1] ?? 0)
    return steps * (r[0] ?? 0) * gates * last(r) * (last(x) + last(r))
  }

/** Scores and their use: each of |Q| + |Y| elements meets every key. */
function attention(q: readonly number[], out: readonly number[], keys: number): number {
  return (size(q) + size(out)) * keys
}

const keysOf = (k: readonly number[]): number => (k.length === 4 ? k[2]! : (k[1] ?? 0))

const multiHead: Rule = (node, dims) => {
  const [q, k, y] = [dims(node.inputs[0]), dims(node.inputs[1]), dims(node.outputs[0])]
  const present = dims(node.outputs[1])
  return attention(q, y, present.length === 4 ? present[2]! : k.length > 0 ? keysOf(k) : keysOf(q))
}

/** com.microsoft Attention projects Q, K and V itself: input [B, S, D], weights [D, Q + K + V]. */
const projectedAttention: Rule = (node, dims) => {
  const x = dims(node.inputs[0])
  const w = dims(node.inputs[1])
  const y = dims(node.outputs[0])
  const present = dims(node.outputs[1])
  const keys = present.length === 5 ? present[3]! : (x[1] ?? 0)
  return size(x) * last(w) + 2 * size(y) * keys
}

/** Output elements times the sizes of the indices that are summed over. */
const einsum: Rule = (node, dims) => {
  if (node.inputs.length < 2) return 0
  const [left = '', right] = node.string('equation', '').replaceAll(' ', '').split('->')
  const lengths = new Map<string, number>()
  left.split(',').forEach((term, i) => {
    const shape = dims(node.inputs[i])
    const letters = term.split('...')
    ;[...(letters[0] ?? '')].forEach((letter, axis) => lengths.set(letter, shape[axis] ?? 1))
    const tail = letters[1] ?? ''
    ;[...tail].forEach((letter, j) => lengths.set(letter, last(shape, tail.length - j)))
  })
  const kept = right ?? [...lengths.keys()].filter((letter) => left.split(letter).length === 2).join('')
  let summed = 1
  for (const [letter, length] of lengths) if (!kept.includes(letter)) summed *= length
  const out = dims(node.outputs[0])
  return (out.length === 0 ? 1 : sizeOf(out)) * summed
}

const RULES: Readonly<Record<string, Rule>> = {
  Conv: convolution(1),
  FusedConv: convolution(1),
  NhwcFusedConv: convolution(1),
  ConvInteger: convolution(1),
  DeformConv: convolution(1),
  QLinearConv: convolution(3),
  ConvTranspose: transposedConvolution,
  Gemm: product,
  FusedGemm: product,
  QGemm: product,
  GemmFloat8: product,
  MatMul: product,
  FusedMatMul: product,
  TransposeMatMul: product,
  MatMulInteger: product,
  MatMulInteger16: product,
  MatMulIntegerToFloat: product,
  DynamicQuantizeMatMul: product,
  QLinearMatMul: product,
  LSTM: recurrent(4),
  DynamicQuantizeLSTM: recurrent(4),
  GRU: recurrent(3),
  RNN: recurrent(1),
  MultiHeadAttention: multiHead,
  DecoderMaskedMultiHeadAttention: multiHead,
  GroupQueryAttention: multiHead,
  Einsum: einsum,
}

function ruleOf(node: Node): Rule | undefined {
  if (node.opType === 'Attention' || node.opType === 'QAttention')
    return node.domain === '' ? multiHead : projectedAttention
  // Products with packed weights tell their sizes by attributes.
  const packed = node.attributes.has('K') && node.attributes.has('N') ? byAttribute : undefined
  return node.among(RULES) ?? packed
}

const multiplies = (node: Node): boolean =>
  ruleOf(node) !== undefined || node.subgraphs().some(([, graph]) => graph.nodes.some(multiplies))

/**
 * Multiply-accumulates of one run of `node` at the traced shapes; 0 for operators that multiply nothing, null where a
 * shape was not traced. What an If or a Loop holds is never traced: which branch runs, and how often, the data say.
 */
export function macsOf(node: Node, traced: Traced): number | null {
  const rule = ruleOf(node)
  if (!rule) return multiplies(node) ? null : 0
  let known = true
  const dims: DimsOf = (value) => {
    const found = value ? traced.get(value) : undefined
    if (value && !found) known = false
    return found?.dims ?? []
  }
  const macs = rule(node, dims)
  return known ? macs : null
}

/** Null where one of them is. */
export const macsSum = (parts: readonly (number | null)[]): number | null =>
  parts.reduce<number | null>((sum, macs) => (sum === null || macs === null ? null : sum + macs), 0)

/**
 * What a call of an operator costs besides, in multiply-accumulates: 415 nodes of a streaming denoiser with 0.5 M of them
 * take 1.5 ms on one core, on which large layers do some 10 G a second.
 */
const CALL = 4e4

/**
 * The work of one run in multiply-accumulates, calls of operators counted in: a measure of time that is the same on every
 * machine, for choices that must not hang on it. What could not be counted counts nothing.
 */
export const workOf = ({ graph }: Model, traced: Traced): number =>
  graph.nodes.reduce((sum, node) => sum + CALL + (macsOf(node, traced) ?? 0), 0)
