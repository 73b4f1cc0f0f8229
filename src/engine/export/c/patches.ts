/**
 * The first layers of a graph patch by patch, so that only a patch of what lies between them is in RAM at once. Neighbours
 * share the edges of their patches, which are computed more than once. Source: arXiv:2110.15352 (MCUNetV2, patch-based
 * inference).
 */
import { Node, sizeOf, type Tensor } from '../../onnx'
import { PATCHED_AXIS } from './operators/patch'
import { windowOf, type Window } from './operators/window'
import type { StaticGraph } from './static-graph'

/** Every element by itself, or by its channel; inputs but the first must be constants that are alike along the axis. */
const ELEMENTWISE = new Set(
  (
    'Relu LeakyRelu Clip Sigmoid HardSigmoid HardSwish Tanh Elu Selu Celu Softplus Softsign Gelu Mish Swish PRelu Identity ' +
    'Add Sub Mul Div BatchNormalization QuantizeLinear DequantizeLinear pare.Table'
  ).split(' '),
)
/** Their further inputs are one for all, or one a channel. */
const BY_CHANNEL = new Set(['BatchNormalization', 'QuantizeLinear', 'DequantizeLinear', 'pare.Table'])
const WINDOWED = new Set(['Conv', 'pare.Conv', 'MaxPool', 'AveragePool'])
const LONGEST = 40

export interface Link {
  node: Node
  from: string
  to: string
  /** Along the axis; absent where elements go by themselves. */
  window?: { kernel: number; stride: number; dilation: number; before: number; whole: Window }
  /** Multiply-accumulates of the whole. */
  macs: number
}

/** Nodes behind the graph's first input that alone read each other, as far as they can go patch by patch. */
export function chainOf(graph: StaticGraph): Link[] {
  const readers = new Map<string, Node[]>()
  for (const node of graph.nodes)
    for (const input of new Set(node.inputs)) readers.set(input, [...(readers.get(input) ?? []), node])
  const [first] = graph.inputs
  const links: Link[] = []
  let value = first && !graph.states.some(([state]) => state === first.name) ? first.name : ''
  while (value !== '' && links.length < LONGEST) {
    const [node, ...others] = readers.get(value) ?? []
    if (!node || others.length > 0 || graph.kept.has(value)) break
    const link = linkOf(graph, node, value)
    if (!link || graph.kept.has(link.to)) break
    links.push(link)
    value = link.to
  }
  return links
}

const keyOf = ({ domain, opType }: Node): string => (domain === '' ? opType : `${domain}.${opType}`)

const dimsOf = (graph: StaticGraph, name: string): readonly number[] =>
  graph.inputs.find((input) => input.name === name)?.dims ?? graph.values.get(name)?.dims ?? []

function linkOf(graph: StaticGraph, node: Node, from: string): Link | undefined {
  const [input, to] = [dimsOf(graph, from), node.outputs[0]!]
  const output = dimsOf(graph, to)
  const rank = input.length
  const constants = node.inputs.slice(1).filter((name) => name !== '')
  const isFitting =
    (rank === 3 || rank === 4) &&
    output.length === rank &&
    input[0] === 1 &&
    node.outputs.filter((name) => name !== '').length === 1 &&
    node.inputs[0] === from &&
    constants.every((name) => graph.constants.has(name))
  if (!isFitting) return undefined
  const key = keyOf(node)
  if (ELEMENTWISE.has(key)) {
    const isAlike = (tensor: Tensor): boolean =>
      (tensor.dims.at(PATCHED_AXIS - rank) ?? 1) === 1 || tensor.dims.length < rank - PATCHED_AXIS
    const isFree = BY_CHANNEL.has(key) || constants.every((name) => isAlike(graph.constants.get(name)!))
    const isSame = output.every((dim, axis) => dim === input[axis])
    return isFree && isSame ? { node, from, to, macs: 0 } : undefined
  }
  if (!WINDOWED.has(key)) return undefined
  const weight = key.endsWith('Conv') ? graph.constants.get(node.inputs[1]!) : undefined
  const kernel = weight?.dims.slice(2) ?? node.ints('kernel_shape')
  if (!kernel) return undefined
  const whole = windowOf(node, input.slice(2), output.slice(2), kernel)
  const window = {
    kernel: kernel[0]!,
    stride: whole.strides[0]!,
    dilation: whole.dilations[0]!,
    before: whole.before[0]!,
    whole,
  }
  const end = (output[PATCHED_AXIS]! - 1) * window.stride + (window.kernel - 1) * window.dilation
  // What a pool gives beyond its input depends on how much of it lies there.
  if (!weight && (window.before > 0 || end >= input[PATCHED_AXIS]!)) return undefined
  return { node, from, to, window, macs: weight ? sizeOf(output) * sizeOf(weight.dims.slice(1)) : 0 }
}

/** Places of a patch: element 0 of patch p lies at `at(p) · step − before`, where `at(p)` is where it begins on the last tensor. */
interface Reach {
  step: number
  before: number
  rows: number
}

/** Of every tensor of a chain, the first's first, for so many places of the last. */
export function reachesOf(links: readonly Link[], rows: number): Reach[] {
  const reaches: Reach[] = [{ step: 1, before: 0, rows }]
  for (const { window } of links.toReversed()) {
    const { step, before, rows: out } = reaches[0]!
    if (!window) reaches.unshift(reaches[0]!)
    else
      reaches.unshift({
        step: step * window.stride,
        before: before * window.stride + window.before,
        rows: (out - 1) * window.stride + (window.kernel - 1) * window.dilation + 1,
      })
  }
  return reaches
}

/** One patch of the chain as a graph, which reads and writes whole tensors; the rest as another, which begins with the chain's last. */
export function split(
  graph: StaticGraph,
  links: readonly Link[],
  rows: number,
): { patch: StaticGraph; rest: StaticGraph } {
  const [x, y] = [links[0]!.from, links.at(-1)!.to]
  const dtypeOf = (name: string): StaticGraph['inputs'][number]['dtype'] =>
    graph.inputs.find((input) => input.name === name)?.dtype ?? graph.values.get(name)!.dtype
  const port = (name: string): StaticGraph['inputs'][number] => ({
    name,
    dtype: dtypeOf(name),
    dims: dimsOf(graph, name),
  })
  const reaches = reachesOf(links, rows)
  const values = new Map(graph.values)
  const size = (name: string): number => dimsOf(graph, name)[PATCHED_AXIS]!
  const patched = (name: string, like: string, { rows: length }: Reach): string => {
    const dims = dimsOf(graph, like).map((dim, axis) => (axis === PATCHED_AXIS ? length : dim))
    values.set(name, { dtype: dtypeOf(like), dims })
    return name
  }
  const ends = { n: { int: rows }, last: { int: size(y) - rows } }
  const carry = (
    opType: string,
    from: string,
    to: string,
    of: string,
    { step, before }: Reach,
    fill: number,
  ): Node =>
    new Node({
      opType,
      domain: 'pare',
      name: `${opType} ${of}`,
      inputs: [from],
      outputs: [to],
      attributes: {
        ...ends,
        step: { int: step },
        before: { int: before },
        size: { int: size(of) },
        fill: { int: fill },
      },
    })
  const name = (value: string): string => `${value} patch`
  const fillOf = ({ node }: Link): number => (keyOf(node) === 'pare.Conv' ? node.int('xZero', 0) : 0)
  const nodes = [carry('Take', x, patched(name(x), x, reaches[0]!), x, reaches[0]!, fillOf(links[0]!))]
  for (const [i, link] of links.entries()) {
    const node = link.node.clone()
    let from = name(link.from)
    if (link.window) {
      const { before, after } = link.window.whole
      const pads = [0, ...before.slice(1), 0, ...after.slice(1)]
      node.set('pads', { ints: pads })
      node.attributes.delete('auto_pad')
      if (i > 0 && isPadded(link, size(link.from), size(link.to))) {
        const inside = patched(`${from} inside`, link.from, reaches[i]!)
        nodes.push(carry('Inside', from, inside, link.from, reaches[i]!, fillOf(link)))
        from = inside
      }
    }
    node.inputs[0] = from
    node.outputs[0] = patched(name(link.to), link.to, reaches[i + 1]!)
    nodes.push(node)
  }
  nodes.push(carry('Put', name(y), y, y, reaches.at(-1)!, 0))
  const gone = new Set(links.map(({ node }) => node))
  return {
    patch: { ...graph, nodes, inputs: [port(x)], outputs: [port(y)], states: [], values, kept: new Set([y]) },
    rest: {
      ...graph,
      nodes: graph.nodes.filter((node) => !gone.has(node)),
      inputs: [port(y), ...graph.inputs.filter((input) => input.name !== x)],
    },
  }
}

const isPadded = ({ window }: Link, input: number, output: number): boolean =>
  window!.before > 0 ||
  (output - 1) * window!.stride - window!.before + (window!.kernel - 1) * window!.dilation >= input
