import type { TargetCheck } from '../../contract/project'
import { codeOperator, restores } from '../layers/encodings'
import type { Model, Node } from '../onnx'
import { HOST_CPU } from './device'
import { defineTarget } from './target'

/** 255 · (64 + 64) = 32 640 fits 16 bits with a sign, 255 · (65 + 65) does not. */
const LARGEST_SAFE_CODE = 64

/** Layers whose weights use codes of which two may add up to more than 16 bits hold. */
function saturating({ graph }: Model): TargetCheck[] {
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
  const large = graph.nodes.filter((node) => weightsOf(node).some(isLarge))
  if (large.length === 0) return []
  const message =
    `The int8 weights of ${large.length} layers use all 8 bits, and sums of two of their products can saturate at ` +
    '16 bits on such processors. Compress again for this target: weights then take 7 bits.'
  return [{ ok: false, severity: 'warning', message }]
}

export const pcNoVnni = defineTarget({
  id: 'pc-no-vnni',
  title: 'PC without VNNI',
  detail:
    'x86 processors that have AVX2 or AVX-512 only (Intel before Ice Lake, AMD before Zen 4): 7-bit weights',
  runtime: 'ONNX Runtime, CPU',
  device: {
    ...HOST_CPU,
    speed: { ...HOST_CPU.speed, int8: 4 / 3 },
    source:
      'one x86 core as it fits the reference models in float (docs/search.md); int8 at 4/3 of that, because three ' +
      'instructions multiply and add four times as many bytes as one does floats (Rodriguez et al., Lower Numerical ' +
      'Precision Deep Learning Inference and Training, Intel 2018)',
  },
  int8: { weightBits: 7, because: 'products saturate on CPUs without VNNI' },
  keepsPacked: true,
  forms: ['onnx', 'ort'],
  optimization: 'extended',
  checks: [saturating],
  sources: [
    'Intel SDM, VPMADDUBSW: pairs of products of unsigned and signed bytes are added with saturation to 16 bits',
    'onnxruntime.ai, Quantize ONNX models: reduce_range on AVX2 and AVX-512 without VNNI',
    'Rodriguez et al., Lower Numerical Precision Deep Learning Inference and Training (Intel, 2018)',
  ],
})
