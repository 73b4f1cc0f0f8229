/** What 8-bit weights meet on x86 processors that add pairs of products in 16 bits. Source: Intel SDM, VPMADDUBSW. */
import { plural } from '../../contract/format'
import type { TargetCheck } from '../../contract/project'
import { codeOperator, restores } from '../layers/encodings'
import type { Model, Node } from '../onnx'

/** 255 · (64 + 64) = 32 640 fits 16 bits with a sign, 255 · (65 + 65) does not. */
const LARGEST_SAFE_CODE = 64

/** Layers whose weights use codes of which two may add up to more than 16 bits hold. */
function layersAtRisk({ graph }: Model): Node[] {
  const producers = graph.producers()
  const weightsOf = (node: Node): string[] => {
    const operator = codeOperator(node)
    if (operator?.arithmetic?.(node) === 'int8') return operator.codes.map((slot) => node.inputs[slot] ?? '')
    if (!node.is('Conv', 'Gemm', 'MatMul')) return []
    const [x, w] = node.inputs.map((input) => producers.get(input))
    // Only between pairs do integers multiply; weights that are merely stored as int8 become floats.
    const pair = restores(x) && restores(w)
    return pair ? [w!.inputs[0]!] : []
  }
  const isLarge = (value: string): boolean => {
    const weight = graph.initializers.get(value)
    return weight?.dtype === 'int8' && weight.numbers().some((code) => Math.abs(code) > LARGEST_SAFE_CODE)
  }
  return graph.nodes.filter((node) => weightsOf(node).some(isLarge))
}

/** Whether products of a model's int8 weights may saturate, and what that means for a target. */
export const saturating =
  (severity: TargetCheck['severity'], meaning: string) =>
  (model: Model): TargetCheck[] => {
    const { length } = layersAtRisk(model)
    const message = `The int8 weights of ${plural(length, 'layer')} use all 8 bits, and sums of two of their products ${meaning}`
    return length > 0 ? [{ ok: false, severity, message }] : []
  }
