/**
 * LSTM, GRU and RNN written out step by step in plain operators, so that gradients flow through time. For training graphs
 * alone: shapes are those of the micro-batch. Sources: ONNX LSTM, GRU, RNN.
 */
import { Tensor, type AttributeInput, type Graph, type Node } from '../onnx'
import { unsupported } from './gradients/rule'

type Dims = readonly number[]
type Cell = (x: string, state: State) => State

interface State {
  h: string
  c?: string
}

export const isRecurrent = (node: Node): boolean => node.is('LSTM', 'GRU', 'RNN')

const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  RNN: ['Tanh'],
}

const GATES: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 }

/** Those that need no numbers of their own, and have gradient rules. */
const ACTIVATIONS = ['Relu', 'Sigmoid', 'Softplus', 'Softsign', 'Tanh']

/**
 * Replaces a node by what it computes. Throws `model/unsupported-op` for what is not written out: clipped cells, lengths
 * that differ within a batch, activations with numbers of their own.
 */
export function unroll(graph: Graph, node: Node, opset: number, dimsOf: (value: string) => Dims): void {
  const write = new Writer(graph, node, opset)
  const [x, w, r, b = '', lengths = '', h0 = '', c0 = '', p = ''] = node.inputs as [string, string, string]
  const [count, height] = dimsOf(w) as [number, number, number]
  const hidden = height / node.among(GATES)!
  const [steps, batch, inputs] = dimsOf(x) as [number, number, number]
  requirePlain(graph, node, lengths, steps)

  const rows = write.reshape(x, [steps * batch, inputs])
  const split = (value: string): string[] =>
    value === '' ? [] : write.split(value, 0, new Array<number>(count).fill(1))
  const weights = { w: split(w), r: split(r), b: split(b), p: split(p) }
  const states = { h: split(h0), c: split(c0) }
  const zeros = (): string =>
    write.constant(Tensor.float32([batch, hidden], new Float32Array(batch * hidden)))

  const all: string[] = []
  const last: State[] = []
  for (let d = 0; d < count; d++) {
    const part = (value: string | undefined, dims: Dims): string | undefined =>
      value && write.reshape(value, dims)
    const cell: Weights = {
      hidden,
      r: write.reshape(weights.r[d]!, [height, hidden]),
      ...biases(write, node, part(weights.b[d], [2 * height]), hidden, height),
      peepholes: weights.p[d]
        ? write.split(part(weights.p[d], [3 * hidden])!, 0, [hidden, hidden, hidden])
        : [],
    }
    const input = write.op(
      'Gemm',
      [rows, write.reshape(weights.w[d]!, [height, inputs]), ...(cell.x ? [cell.x] : [])],
      { transB: { int: 1 } },
    )
    const ahead = write.split(
      write.reshape(input, [steps, batch * height]),
      0,
      new Array<number>(steps).fill(1),
    )
    const step = cellOf(write, node, cell, activationsOf(node, d))
    const isReverse = node.string('direction', 'forward') === 'reverse' || d === 1
    let state: State = {
      h: part(states.h[d], [batch, hidden]) ?? zeros(),
      ...(node.is('LSTM') && { c: part(states.c[d], [batch, hidden]) ?? zeros() }),
    }
    const outputs = new Array<string>(steps)
    for (let i = 0; i < steps; i++) {
      const t = isReverse ? steps - 1 - i : i
      state = step(write.reshape(ahead[t]!, [batch, height]), state)
      outputs[t] = write.reshape(state.h, [1, 1, batch, hidden])
    }
    all.push(write.concat(outputs, 0))
    last.push(state)
  }
  const joined = (values: string[]): string =>
    write.concat(
      values.map((value) => write.reshape(value, [1, batch, hidden])),
      0,
    )
  const [y, yh, yc] = node.outputs
  if (y) write.named(write.concat(all, 1), y)
  if (yh) write.named(joined(last.map(({ h }) => h)), yh)
  if (yc) write.named(joined(last.map(({ c }) => c!)), yc)
  graph.removeNode(node)
}

function requirePlain(graph: Graph, node: Node, lengths: string, steps: number): void {
  if (node.float('clip') !== undefined) throw unsupported(node, 'clip')
  if (node.int('layout', 0) !== 0) throw unsupported(node, 'layout')
  const sizes = lengths === '' ? [] : graph.constant(lengths)?.numbers()
  if (!sizes?.every((size) => size === steps)) throw unsupported(node, 'sequence_lens')
}

function activationsOf(node: Node, direction: number): readonly string[] {
  const defaults = node.among(DEFAULTS)!
  const attribute = node.attributes.get('activations')
  const named =
    attribute?.type === 'strings' ? attribute.value.map((name) => Buffer.from(name).toString()) : []
  const own = named.slice(direction * defaults.length, (direction + 1) * defaults.length)
  const found = own.length > 0 ? own : defaults
  const strange = found.find((name) => !ACTIVATIONS.includes(name))
  if (strange !== undefined) throw unsupported(node, strange)
  return found
}

interface Weights {
  hidden: number
  /** [gates · hidden, hidden] */
  r: string
  /** Added to the input's product and, where that is told apart, to the state's. */
  x?: string
  state?: string
  peepholes: string[]
}

/** B holds what goes to the input and what goes to the state; only a GRU that resets after its product tells them apart. */
function biases(
  write: Writer,
  node: Node,
  b: string | undefined,
  hidden: number,
  height: number,
): Pick<Weights, 'x' | 'state'> {
  if (b === undefined) return {}
  const [w, r] = write.split(b, 0, [height, height]) as [string, string]
  if (!resetsAfter(node)) return { x: write.op('Add', [w, r]) }
  const [gates, own] = write.split(r, 0, [2 * hidden, hidden]) as [string, string]
  const zero = write.constant(Tensor.float32([hidden], new Float32Array(hidden)))
  return { x: write.op('Add', [w, write.concat([gates, zero], 0)]), state: own }
}

const resetsAfter = (node: Node): boolean => node.is('GRU') && node.int('linear_before_reset', 0) !== 0

function cellOf(write: Writer, node: Node, weights: Weights, [f, g, h]: readonly string[]): Cell {
  const { hidden, r, peepholes } = weights
  const { add, mul } = write
  const product = (state: string, by: string, bias?: string): string =>
    write.op('Gemm', [state, by, ...(bias ? [bias] : [])], { transB: { int: 1 } })
  const act = (name: string | undefined, value: string): string => write.op(name!, [value])
  const halves = (value: string): string[] => write.split(value, 1, [2 * hidden, hidden])
  if (node.is('RNN')) return (x, state) => ({ h: act(f, add(x, product(state.h, r))) })
  if (node.is('GRU')) {
    const [gates, own] = write.split(r, 0, [2 * hidden, hidden]) as [string, string]
    return (x, state) => {
      const [xGates, xOwn] = halves(x) as [string, string]
      const both = act(f, add(xGates, product(state.h, gates)))
      const [update, reset] = write.split(both, 1, [hidden, hidden]) as [string, string]
      const inner = resetsAfter(node)
        ? mul(reset, product(state.h, own, weights.state))
        : product(mul(reset, state.h), own)
      const fresh = act(g, add(xOwn, inner))
      return { h: add(fresh, mul(update, write.op('Sub', [state.h, fresh]))) }
    }
  }
  const couples = node.int('input_forget', 0) !== 0
  const one = couples ? write.constant(Tensor.float32([1], [1])) : ''
  const peeped = (value: string, gate: number, c: string): string =>
    peepholes.length > 0 ? add(value, mul(c, peepholes[gate]!)) : value
  return (x, { h: before, c: kept }) => {
    const sum = add(x, product(before, r))
    const [i, o, forget, cell] = write.split(sum, 1, [hidden, hidden, hidden, hidden]) as [
      string,
      string,
      string,
      string,
    ]
    const input = act(f, peeped(i, 0, kept!))
    const forgets = couples ? write.op('Sub', [one, input]) : act(f, peeped(forget, 2, kept!))
    const c = add(mul(forgets, kept!), mul(input, act(g, cell)))
    return { h: mul(act(f, peeped(o, 1, c)), act(h, c)), c }
  }
}

/** Adds nodes in front of the one that is written out. */
class Writer {
  constructor(
    private readonly graph: Graph,
    private readonly node: Node,
    private readonly opset: number,
  ) {}

  ops(
    opType: string,
    inputs: string[],
    count: number,
    attributes: Record<string, AttributeInput> = {},
  ): string[] {
    const { graph, node } = this
    const base = `${node.label}/${opType}`
    const outputs = Array.from({ length: count }, () => graph.freshName(base))
    graph.addNode({ opType, name: outputs[0], inputs, outputs, attributes }, node)
    return outputs
  }

  op = (opType: string, inputs: string[], attributes: Record<string, AttributeInput> = {}): string =>
    this.ops(opType, inputs, 1, attributes)[0]!

  add = (a: string, b: string): string => this.op('Add', [a, b])
  mul = (a: string, b: string): string => this.op('Mul', [a, b])

  constant(tensor: Tensor): string {
    return this.graph.addInitializer(`${this.node.label}/constant`, tensor)
  }

  reshape(value: string, dims: Dims): string {
    return this.op('Reshape', [value, this.constant(Tensor.int64(dims))])
  }

  concat(values: string[], axis: number): string {
    return values.length === 1 ? values[0]! : this.op('Concat', values, { axis: { int: axis } })
  }

  split(value: string, axis: number, sizes: readonly number[]): string[] {
    if (sizes.length === 1) return [value]
    if (this.opset < 13)
      return this.ops('Split', [value], sizes.length, { axis: { int: axis }, split: { ints: sizes } })
    return this.ops('Split', [value, this.constant(Tensor.int64(sizes))], sizes.length, {
      axis: { int: axis },
    })
  }

  named(value: string, output: string): void {
    this.graph.addNode({ opType: 'Identity', name: output, inputs: [value], outputs: [output] }, this.node)
  }
}
