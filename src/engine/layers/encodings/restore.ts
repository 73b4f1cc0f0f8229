/** What the codes of an operator stand for, whoever wrote them. */
import { toTensor } from '../../runtime/value'
import { evaluateConstant } from '../../runtime/constants'
import { sizeOf, type Model, type Node, type Tensor } from '../../onnx'
import type { CodeOperator, ConstantInputs } from './encoding'

/** Values made at once: it bounds memory. */
const PIECE = 2 ** 16

/** `count` values by their position, in pieces of whole rows where rows are short enough. */
export function* pieces(count: number, row: number, at: (i: number) => number): Iterable<Float32Array> {
  const step = Math.max(1, Math.floor(PIECE / Math.max(1, row))) * Math.min(Math.max(1, row), PIECE)
  for (let from = 0; from < count; from += step)
    yield Float32Array.from({ length: Math.min(step, count - from) }, (_, i) => at(from + i))
}

/** Codes side by side in bytes, the first in the low bits. */
export const packedAt = (bytes: Uint8Array, bits: number): ((i: number) => number) => {
  const perByte = 8 / bits
  const mask = 2 ** bits - 1
  return (i) => (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * bits)) & mask
}

/** Where scale and zero point of an input lie among the others, and the axes along which there may be one a channel. */
export interface ChannelInputs {
  scale?: number
  zero?: number
  axes?: readonly number[] | ((node: Node) => readonly number[])
}

/** (code − zero) · scale by channels; codes as whole numbers where no scale is known. */
export const byChannels =
  (inputs: Readonly<Record<number, ChannelInputs>>): NonNullable<CodeOperator['restore']> =>
  (node, slot, constant) => {
    const codes = constant(slot)
    const { scale, zero, axes = [-1] } = inputs[slot] ?? {}
    const [scales, zeros] = [scale, zero].map((one) => (one === undefined ? undefined : constant(one)))
    const isGiven = (one: number | undefined): boolean => one !== undefined && Boolean(node.inputs[one])
    if (!codes || (isGiven(scale) && !scales) || (isGiven(zero) && !zeros)) return undefined
    const along = typeof axes === 'function' ? axes(node) : axes
    const [scaleAt, zeroAt] = [scales, zeros].map((one) => one && channelAt(one, codes.dims, along))
    const numbers = codes.values()
    return pieces(
      codes.size,
      codes.dims.at(-1) ?? 1,
      (i) => (Number(numbers[i]) - (zeroAt?.(i) ?? 0)) * (scaleAt?.(i) ?? 1),
    )
  }

/** By the position of a code: one number for all, or those of its channel along as many of the axes as there are numbers for. */
function channelAt(stated: Tensor, dims: readonly number[], axes: readonly number[]): (i: number) => number {
  const values = stated.floats()
  if (values.length === 1) return () => values[0]!
  const own = axes.map((axis) => (axis < 0 ? axis + dims.length : axis))
  const size = (taken: number): number =>
    own.slice(0, taken).reduce((product, axis) => product * dims[axis]!, 1)
  const taken = own.findIndex((_, at) => size(at + 1) === values.length) + 1
  const steps = own.slice(0, taken).map((axis) => ({ inner: sizeOf(dims.slice(axis + 1)), dim: dims[axis]! }))
  return (i) => values[steps.reduce((at, { inner, dim }) => at * dim + (Math.floor(i / inner) % dim), 0)]!
}

/** The constants among the inputs with codes and settings of a node of the main graph, worked out where operators make them. */
async function constantInputs(
  model: Model,
  node: Node,
  { codes, settings }: CodeOperator,
  isConstant: (value: string) => boolean,
): Promise<ConstantInputs> {
  const found = new Map<number, Tensor>()
  for (const slot of [...codes, ...settings]) {
    const value = node.inputs[slot]
    if (!value || !isConstant(value)) continue
    found.set(slot, model.graph.constant(value) ?? toTensor(await evaluateConstant(model, value)))
  }
  return (slot) => found.get(slot)
}

/** Values of an input with codes; undefined where they cannot be told. */
export async function restoredInput(
  model: Model,
  node: Node,
  slot: number,
  { operator, isConstant }: { operator: CodeOperator; isConstant: (value: string) => boolean },
): Promise<Iterable<Float32Array> | undefined> {
  return operator.restore?.(node, slot, await constantInputs(model, node, operator, isConstant))
}
