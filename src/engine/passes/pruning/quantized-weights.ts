/**
 * Weights that are integers already: channels are chosen and cut on the floats that they stand for, and what stays gets
 * its integers again, by the scales it had; a scale grows only where refitting went beyond its codes.
 * Source: ONNX DequantizeLinear.
 */
import { roundHalfEven, sizeOf, Tensor, type Graph, type Model, type Node } from '../../onnx'
import type { Kept } from './remove'

interface Coded {
  node: Node
  codes: Tensor
  scale: Tensor
  zero?: Tensor
  /** Along which scales lie. */
  axis: number
}

interface Opened {
  /** With floats in the place of codes and their DequantizeLinear, under the name that it gave them. */
  model: Model
  /** Bytes an element of a weight takes. */
  elementBytes(weight: string): number
  /** A pruned copy of the model with its codes again. `kept` is by the names of the floats. */
  closed(pruned: Model, kept: Kept): Model
}

const CODES = ['int8', 'uint8', 'int32']

const isDequantize = ({ opType, domain }: Node): boolean =>
  opType === 'DequantizeLinear' && ['', 'com.microsoft'].includes(domain)

/** What an operator restores from constants by scales of a tensor or of channels; blocks do not outlive a cut. */
function codedBy(graph: Graph, node: Node): Coded | undefined {
  if (!isDequantize(node) || node.int('block_size', 0) !== 0) return undefined
  const [codes, scale, zero] = node.inputs.map((name) => graph.initializers.get(name))
  if (!codes || scale?.dtype !== 'float32' || scale.dims.length > 1) return undefined
  if (!CODES.includes(codes.dtype) || (node.inputs[2] && !zero) || graph.isOutput(node.outputs[0]!))
    return undefined
  const axis = node.int('axis', 1)
  return { node, codes, scale, zero, axis: scale.size > 1 ? (axis < 0 ? axis + codes.dims.length : axis) : 0 }
}

/** Which of `count` scales an element belongs to. */
function channelsOf(dims: readonly number[], axis: number, count: number): (at: number) => number {
  const inner = sizeOf(dims.slice(axis + 1))
  return count > 1 ? (at) => Math.floor(at / inner) % count : () => 0
}

function restored({ codes, scale, zero, axis }: Coded): Tensor {
  const channel = channelsOf(codes.dims, axis, scale.size)
  const [scales, zeros] = [scale.floats(), zero?.numbers()]
  const zeroOf = (c: number): number => zeros?.[zeros.length > 1 ? c : 0] ?? 0
  return Tensor.float32(
    codes.dims,
    Float32Array.from(codes.numbers(), (code, i) => (code - zeroOf(channel(i))) * scales[channel(i)]!),
  )
}

/** Distances from zero that codes may have: those of the type, or of the seven bits that were made use of. */
function reachOf({ codes, zero }: Coded): readonly [number, number] {
  if (codes.dtype === 'int32') return [-(2 ** 31), 2 ** 31 - 1]
  const middle = zero?.numbers()[0] ?? 0
  const numbers = codes.numbers()
  if (numbers.every((code) => Math.abs(code - middle) <= 64)) return [-64, 63]
  const [low, high] = codes.dtype === 'uint8' ? [0, 255] : [numbers.includes(-128) ? -128 : -127, 127]
  return [low - middle, high - middle]
}

/** Gives the scales. */
function encode(graph: Graph, name: string, coded: Coded, kept: Kept): Float32Array {
  const floats = graph.initializers.get(name)!
  const stays = kept(name, coded.axis)
  const taken = <T>(values: ArrayLike<T>): T[] =>
    stays && values.length > 1 ? Array.from(stays, (i) => values[i]!) : Array.from(values)
  const scales = Float32Array.from(taken(coded.scale.floats()))
  const zeros = coded.zero && taken(coded.zero.numbers())
  const channel = channelsOf(floats.dims, coded.axis, scales.length)
  const values = floats.floats()
  const [low, high] = reachOf(coded)
  const growth = new Float64Array(scales.length).fill(1)
  values.forEach((w, i) => {
    const c = channel(i)
    growth[c] = Math.max(growth[c]!, w / scales[c]! / (w < 0 ? low : high))
  })
  // A code that lies half a step beyond the last is rounded to it.
  growth.forEach((by, c) => (scales[c]! *= by > 1 + 0.5 / high ? by : 1))
  const clamped = (step: number): number => Math.min(high, Math.max(low, roundHalfEven(step)))
  const codes = Float64Array.from(
    values,
    (w, i) => clamped(w / scales[channel(i)]!) + (zeros?.[zeros.length > 1 ? channel(i) : 0] ?? 0),
  )
  write(graph, name, coded.node, {
    codes: Tensor.of(coded.codes.dtype, floats.dims, codes),
    scale: Tensor.float32(coded.scale.dims.length > 0 ? [scales.length] : [], scales),
    zero: zeros && Tensor.of(coded.zero!.dtype, coded.zero!.dims.length > 0 ? [zeros.length] : [], zeros),
  })
  return scales
}

function write(
  graph: Graph,
  name: string,
  like: Node | undefined,
  { codes, scale, zero }: { codes: Tensor; scale: Tensor; zero?: Tensor },
): void {
  graph.initializers.delete(name)
  graph.addNode({
    opType: 'DequantizeLinear',
    domain: like?.domain,
    attributes: like ? Object.fromEntries(like.attributes) : { axis: { int: 0 } },
    inputs: [
      graph.addInitializer(`${name}_codes`, codes),
      graph.addInitializer(`${name}_scale`, scale),
      ...(zero ? [graph.addInitializer(`${name}_zero_point`, zero)] : []),
    ],
    outputs: [name],
  })
}

/** Of what a node reads as codes by one constant scale. */
function inputScale(graph: Graph, value: string): number | undefined {
  const made = graph.producer(value)
  const scale = made && isDequantize(made) ? graph.initializers.get(made.inputs[1]!) : undefined
  return scale?.size === 1 ? scale.numbers()[0] : undefined
}

/** Biases of integer layers are sums of products: their scale is that of the input times that of the weight. */
function encodeBiases(
  graph: Graph,
  scales: ReadonlyMap<string, Float32Array>,
  isOurs: (bias: string) => boolean,
): void {
  for (const node of [...graph.nodes]) {
    const [x, w, name] = node.inputs
    const [own, bias] = [scales.get(w!), graph.initializers.get(name!)]
    const scale = own && inputScale(graph, x!)
    if (!own || !bias || scale === undefined || bias.dtype !== 'float32' || !isOurs(name!)) continue
    if (own.length > 1 && own.length !== bias.size) continue
    const each = own.map((one) => scale * one)
    const codes = bias.numbers().map((value, c) => roundHalfEven(value / each[each.length > 1 ? c : 0]!))
    if (codes.some((code) => Math.abs(code) >= 2 ** 31)) continue
    write(graph, name!, undefined, {
      codes: Tensor.of('int32', bias.dims, codes),
      scale: Tensor.float32(each.length > 1 ? [each.length] : [], each),
    })
  }
}

/** Throws nothing; a model without such weights is given back as it is. */
export function openCodes(model: Model): Opened {
  const copy = model.clone()
  const { graph } = copy
  copy.constantsToInitializers((tensor) => tensor.dtype !== 'string')
  const coded = new Map<string, Coded>()
  for (const node of graph.nodes) {
    const found = codedBy(graph, node)
    if (found) coded.set(node.outputs[0]!, found)
  }
  if (coded.size === 0) return { model, elementBytes: () => 4, closed: (pruned) => pruned }
  for (const [name, one] of coded) {
    graph.removeNode(one.node)
    graph.initializers.set(name, restored(one))
  }
  graph.prune()
  const isBias = (name: string): boolean => coded.get(name)?.codes.dtype === 'int32'
  return {
    model: copy,
    elementBytes: (weight) => (coded.has(weight) ? 1 : 4),
    closed(pruned, kept) {
      const result = pruned.clone()
      const scales = new Map<string, Float32Array>()
      for (const [name, one] of coded)
        if (!isBias(name) && result.graph.initializers.has(name))
          scales.set(name, encode(result.graph, name, one, kept))
      encodeBiases(result.graph, scales, (name) => isBias(name) || !graph.initializers.has(name))
      // What is added elsewhere than as the bias of such a layer keeps its own scales.
      for (const [name, one] of coded)
        if (isBias(name) && result.graph.initializers.has(name) && result.graph.consumers(name).length > 0)
          encode(result.graph, name, one, kept)
      result.graph.sort()
      return result
    },
  }
}
