/**
 * Which activations become integers, and which nodes run on them: the shape of a quantized graph, decided
 * before any number is known. Follows what ONNX Runtime's CPU fuses: Conv wants an integer output, Gemm and
 * MatMul give float just as well; a value moved by Reshape and the like keeps its scale; the rest stays float.
 * So the input of a Softmax and the sum with an attention mask are never integers.
 * Source: onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
 */
import { activationAfter, onlyReader } from '../../layers/fuses'
import type { Layer } from '../../layers/layer'
import type { Graph, Node } from '../../onnx'

export interface QuantizableOp {
  node: Node
  /** Its first output as it was found. */
  layer: string
  /** Absent for a product of two activations. Its bias is a constant, or it has none. */
  weight?: Layer
  /** Activations it reads. */
  inputs: readonly string[]
  /** Its output, after the Relu or Clip that goes into its rounding. */
  output: string
  fused?: Node
}

export interface Plan {
  ops: QuantizableOp[]
  /** Activations that get a scale. */
  quantized: Set<string>
  /** Those that exist only as integers: whoever reads them, reads what the integers stand for. */
  integerOnly: Set<string>
  /** Nodes between ops that run on integers too. */
  propagated: Set<Node>
  /** Values that must share one scale, by any of them: each maps to its group's array. */
  groups: Map<string, string[]>
}

/** Values go through unchanged (or the larger ones do): input and output share a scale. */
const MOVES = ['Reshape', 'Transpose', 'Flatten', 'Squeeze', 'Unsqueeze', 'Slice']
const SELECTS = ['MaxPool', 'Relu']
const COMPUTES = ['Add', 'Mul', 'Concat', 'AveragePool', 'GlobalAveragePool', 'LeakyRelu', 'Sigmoid']

const isMove = (node: Node): boolean =>
  node.is(...MOVES, ...SELECTS) && node.outputs.filter(Boolean).length === 1

interface PlanOptions {
  /** Relu goes into the rounding only where zero is the lowest code. */
  fuse: boolean
}

export function planActivations(graph: Graph, ops: QuantizableOp[], { fuse }: PlanOptions): Plan {
  const consumers = graph.consumerMap()
  const producers = graph.producers()
  const wiring = { graph, consumers, producers }
  const opByNode = new Map(ops.map((op) => [op.node, op]))
  for (const op of ops) {
    const next = fuse ? activationAfter(wiring, op.node.outputs[0]!) : undefined
    op.fused = next
    op.output = next ? next.outputs[0]! : op.node.outputs[0]!
  }
  const activations = (node: Node): string[] =>
    dataInputs(node).filter((name) => !graph.constant(name, producers))
  const potential = potentialIntegers(graph, ops, activations)
  const opOutputs = new Map(ops.map((op) => [op.output, op]))

  const quantized = new Set<string>()
  const integerOnly = new Set<string>()
  const propagated = new Set<Node>()
  const queue: string[] = []
  const want = (name: string): void => {
    if (!quantized.has(name)) {
      quantized.add(name)
      queue.push(name)
    }
  }
  for (const op of ops) {
    for (const input of op.inputs) want(input)
    if (op.node.is('Conv')) {
      want(op.output)
      integerOnly.add(op.output)
      // Pooling integers is cheaper than pooling floats, so they are followed downwards too.
      let pool = onlyReader(wiring, op.output)
      while (pool?.is('MaxPool') && pool.outputs.filter(Boolean).length === 1) {
        want(pool.outputs[0]!)
        pool = onlyReader(wiring, pool.outputs[0]!)
      }
    }
  }
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const node = producers.get(name)
    if (!node || opOutputs.has(name) || propagated.has(node)) continue
    const inputs = activations(node)
    const propagates = isMove(node)
      ? inputs.length === 1 && movesFloats(graph, inputs[0]!, producers)
      : node.is(...COMPUTES) &&
        inputs.length > 0 &&
        inputs.length === dataInputs(node).length &&
        inputs.every((i) => potential.has(i))
    if (!propagates) continue
    propagated.add(node)
    integerOnly.add(name)
    inputs.forEach(want)
  }
  const reads = (node: Node): boolean => opByNode.has(node) || propagated.has(node)
  for (const op of ops)
    if (
      quantized.has(op.output) &&
      !graph.isOutput(op.output) &&
      (consumers.get(op.output) ?? []).every(reads)
    )
      integerOnly.add(op.output)
  for (const op of ops) {
    if (integerOnly.has(op.output)) continue
    // The activation stays a node of its own where the output is wanted as floats.
    op.fused = undefined
    op.output = op.node.outputs[0]!
  }
  return { ops, quantized, integerOnly, propagated, groups: sharedScales(propagated, quantized) }
}

/** Data inputs of a node, without shapes, axes and the like. */
const dataInputs = (node: Node): string[] =>
  node.is('Add', 'Mul', 'Concat') ? node.inputs.filter(Boolean) : node.inputs.slice(0, 1)

/** Whether a moved value comes from a float computation at all: token ids and shapes are moved as well. */
function movesFloats(graph: Graph, name: string, producers: Map<string, Node>): boolean {
  const node = producers.get(name)
  if (!node) return graph.inputs.find((input) => input.name === name)?.dtype === 'float32'
  return !node.is('Shape', 'Cast', 'Gather', 'Range', 'ConstantOfShape')
}

/** Values that could live as integers because all they come from does. */
function potentialIntegers(
  graph: Graph,
  ops: readonly QuantizableOp[],
  activations: (node: Node) => string[],
): Set<string> {
  const potential = new Set<string>(ops.map((op) => op.output))
  for (const node of graph.nodes) {
    if (!isMove(node) && !node.is(...COMPUTES)) continue
    const inputs = activations(node)
    if (inputs.length > 0 && inputs.every((input) => potential.has(input))) potential.add(node.outputs[0]!)
  }
  return potential
}

function sharedScales(propagated: Set<Node>, quantized: Set<string>): Map<string, string[]> {
  const groups = new Map<string, string[]>([...quantized].map((name) => [name, [name]]))
  for (const node of propagated) {
    if (!isMove(node)) continue
    const a = groups.get(node.inputs[0]!)!
    const b = groups.get(node.outputs[0]!)!
    if (a === b) continue
    a.push(...b)
    for (const name of b) groups.set(name, a)
  }
  return groups
}

/**
 * The values whose ranges decide a group's scale. What only a MaxPool or Relu reads is left out: clipping
 * before them to the range after them changes nothing.
 */
export function rangeSources(group: readonly string[], plan: Plan, consumers: Map<string, Node[]>): string[] {
  const isMoved = new Set(
    [...plan.propagated].filter((node) => node.is(...MOVES)).map((node) => node.outputs[0]!),
  )
  const sources = group.filter((name) => {
    const readers = consumers.get(name) ?? []
    if (readers.length > 0 && readers.every((node) => plan.propagated.has(node) && node.is(...SELECTS)))
      return false
    return !isMoved.has(name) || !group.includes(name)
  })
  return sources.length > 0 ? sources : [...group]
}
