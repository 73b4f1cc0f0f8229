/**
 * Quantization by straight-through estimation (arXiv:1308.3432): what lies within range passes, what saturates
 * does not. The gradient of a quantized value is kept in float, counted per step of the integer.
 */
import { integerRange, isFloat, type DType, type Node } from '../../onnx'
import { single, unsupported, type Rule, type Rules } from './rule'
import { frontAxis, type Tape } from './tape'

/** A scale or zero point shaped to broadcast against a value: per tensor or per axis. */
function broadcastScale(t: Tape, node: Node, value: string, rank: number): string {
  const dims = t.shape(value)
  if (dims.length === 0 || (dims.length === 1 && dims[0] === 1)) return value
  if (dims.length !== 1) throw unsupported(node, 'blocked scales')
  const axis = frontAxis(node.int('axis', 1), rank)
  return t.reshape(
    value,
    Array.from({ length: rank }, (_, i) => (i === axis ? dims[0]! : 1)),
  )
}

const toFloat = (t: Tape, value: string): string => t.op('Cast', [value], { to: { int: 1 } })

const quantize: Rule = single((t, node, dy) => {
  const [x, scale, zero] = node.inputs as [string, string, string | undefined]
  const rank = t.shape(x).length
  const dtype: DType = t.dtype(node.outputs[0]!) ?? 'uint8'
  if (isFloat(dtype)) throw unsupported(node, `to ${dtype}`)
  const step = broadcastScale(t, node, scale, rank)
  const offset = zero ? toFloat(t, broadcastScale(t, node, zero, rank)) : t.scalar(0)
  const [low, high] = integerRange(dtype)
  const level = t.add(t.div(x, step), offset)
  const inside = t.op('And', [
    t.op('Greater', [level, t.scalar(low - 0.5)]),
    t.op('Less', [level, t.scalar(high + 0.5)]),
  ])
  return [t.masked(inside, t.div(dy, step))]
})

const dequantize: Rule = single((t, node, dy) => {
  const [x, scale, zero] = node.inputs as [string, string, string | undefined]
  const rank = t.shape(x).length
  const dims = t.shape(node.outputs[0]!)
  const dx = t.wants(x) ? t.mul(dy, broadcastScale(t, node, scale, rank)) : undefined
  if (!t.wants(scale)) return [dx]
  const levels = toFloat(t, x)
  const shifted = zero ? t.sub(levels, toFloat(t, broadcastScale(t, node, zero, rank))) : levels
  const product = t.mul(dy, shifted)
  const count = t.elements(scale)
  const axis = frontAxis(node.int('axis', 1), rank)
  const shape = dims.map((_, i) => (count > 1 && i === axis ? count : 1))
  return [dx, t.reshape(t.unbroadcast(product, dims, shape), t.shape(scale))]
})

export const quantization: Rules = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  'com.microsoft::QuantizeLinear': quantize,
  'com.microsoft::DequantizeLinear': dequantize,
}
