/**
 * Operators that multiply codes themselves, as the float operator between QuantizeLinear and DequantizeLinear: what
 * ONNX Runtime's quantizer writes as QOperator, in the form that integers are found in.
 * Sources: ONNX QLinearConv, QLinearMatMul; ONNX Runtime, ContribOperators.md.
 */
import { gemmTerms } from '../../layers/kinds/matrix'
import { opOf } from '../../layers/kinds'
import { Tensor, type AttributeInput, type Graph, type Model, type Node } from '../../onnx'
import { Unsupported } from './unsupported'

interface Coded {
  op: string
  /** Where codes stand, each before its scale and zero point; of all inputs from there on where `many`. */
  values: readonly number[]
  many?: boolean
  /** Where the scale of the output stands, before its zero point. */
  output: number
  bias?: number
  /** Axis of the scales of an input that has more than one. */
  axis?: (node: Node, order: number) => number
  /** Attributes that the float operator does not have, with the only value known. */
  only?: Readonly<Record<string, number>>
}

const byMatrix = (_: Node, order: number): number => (order === 0 ? -2 : -1)
const sameAs = (op: string, values: readonly number[], output: number): Coded => ({ op, values, output })
const pooled = (op: string): Coded => ({ op, values: [0], output: 3, only: { channels_last: 0 } })

const CODED: Readonly<Record<string, Coded>> = {
  QLinearConv: { op: 'Conv', values: [0, 3], output: 6, bias: 8, axis: () => 0 },
  QLinearMatMul: { op: 'MatMul', values: [0, 3], output: 6, axis: byMatrix },
  'com.microsoft:QGemm': {
    op: 'Gemm',
    values: [0, 3],
    output: 7,
    bias: 6,
    axis: (node) => (gemmTerms(node).transB ? 0 : 1),
  },
  'com.microsoft:QLinearAdd': sameAs('Add', [0, 3], 6),
  'com.microsoft:QLinearMul': sameAs('Mul', [0, 3], 6),
  'com.microsoft:QLinearSigmoid': sameAs('Sigmoid', [0], 3),
  'com.microsoft:QLinearLeakyRelu': sameAs('LeakyRelu', [0], 3),
  'com.microsoft:QLinearConcat': { op: 'Concat', values: [2], many: true, output: 0 },
  'com.microsoft:QLinearGlobalAveragePool': pooled('GlobalAveragePool'),
  'com.microsoft:QLinearAveragePool': pooled('AveragePool'),
}

export const QLINEAR: readonly string[] = Object.keys(CODED)

/** Edits the model. Throws Unsupported where a node is written in a way that is not known. */
export function withoutQLinear({ graph }: Model): void {
  for (const node of [...graph.nodes]) {
    const coded = CODED[opOf(node)]
    if (coded) replace(graph, node, coded)
  }
}

function replace(graph: Graph, node: Node, coded: Coded): void {
  const add = (opType: string, inputs: string[], attributes: Record<string, AttributeInput> = {}): string => {
    const output = graph.freshName(`${node.outputs[0]!}_${opType}`)
    graph.addNode({ opType, inputs, outputs: [output], attributes }, node)
    return output
  }
  const triple = (slot: number): string[] => {
    const inputs = node.inputs.slice(slot, slot + 3)
    return inputs[2] ? inputs : inputs.slice(0, 2)
  }
  const [first = 0] = coded.values
  const slots = coded.many
    ? Array.from({ length: (node.inputs.length - first) / 3 }, (_, i) => first + 3 * i)
    : coded.values
  const floats = slots.map((slot, order) => {
    const axis = coded.axis?.(node, order)
    return add('DequantizeLinear', triple(slot), axis === undefined ? {} : { axis: { int: axis } })
  })
  const bias = coded.bias === undefined ? '' : (node.inputs[coded.bias] ?? '')
  if (bias) {
    const [x, w] = slots.map((slot) => graph.initializers.get(node.inputs[slot + 1]!)?.floats())
    if (x?.length !== 1 || !w)
      throw new Unsupported(`${node.label} (${node.opType}) has scales that are no constants.`)
    const scale = graph.addInitializer(
      `${bias}_scale`,
      Tensor.float32(
        w.length > 1 ? [w.length] : [],
        w.map((one) => one * x[0]!),
      ),
    )
    floats.push(add('DequantizeLinear', [bias, scale], { axis: { int: 0 } }))
  }
  const attributes: Record<string, AttributeInput> = {}
  for (const [name, value] of node.attributes) {
    const known = coded.only?.[name]
    if (known === undefined) attributes[name] = value
    else if (node.int(name, known) !== known)
      throw new Unsupported(`${node.label} (${node.opType}) has ${name} that is not ${known}.`)
  }
  const made = add(coded.op, floats, attributes)
  const [scale, zero] = node.inputs.slice(coded.output, coded.output + 2)
  const last = scale
    ? { opType: 'QuantizeLinear', inputs: zero ? [made, scale, zero] : [made, scale] }
    : { opType: 'Identity', inputs: [made] }
  graph.addNode({ ...last, outputs: [...node.outputs] }, node)
  graph.removeNode(node)
}
