/** Counting weights that are not zero, streaming: what pruning leaves. */
import { type Model, type Node, type Tensor } from '../../onnx'
import { codeOperator, restores } from '../encodings'
import { restoredInput } from '../encodings/restore'
import { constantValues } from '../constants'
import type { Weight } from './weights'
import { evaluateConstant, evaluateRows } from '../../runtime/constants'
import { floatsOf } from '../../runtime/value'

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

/** Elements of `weight` whose value, as the layer sees it, is not zero; all of them where codes cannot be restored. */
export async function nonzeroOf(model: Model, node: Node, weight: Weight): Promise<number> {
  const { graph } = model
  if (weight.rows) {
    let count = 0
    for await (const { data } of evaluateRows(model, weight.rows)) count += countIn(data as Float32Array)
    return count
  }
  const operator = codeOperator(node)
  const slot = node.inputs.indexOf(weight.value)
  if (operator?.restore && operator.codes.includes(slot)) {
    const constant = constantValues(graph)
    const isConstant = (value: string): boolean => constant.has(value)
    const pieces = await restoredInput(model, node, slot, { operator, isConstant })
    if (!pieces) return weight.parameters
    let count = 0
    for (const piece of pieces) count += countIn(piece)
    return count
  }
  const direct = graph.constant(weight.value)
  if (direct) return countNonzero(direct)
  const producer = graph.producer(weight.value)
  const stored = restores(producer) ? graph.constant(producer!.inputs[0]!) : undefined
  if (stored) {
    const zero = producer!.inputs[2] ? graph.constant(producer!.inputs[2]) : undefined
    if (!zero || countNonzero(zero) === 0) return countNonzero(stored)
  }
  return countIn(floatsOf(await evaluateConstant(model, weight.value)))
}
