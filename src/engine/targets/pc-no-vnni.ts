import { HOST_CPU } from './device'
import { saturating } from './saturation'
import { defineTarget } from './target'

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
  checks: [
    saturating(
      'warning',
      'can saturate at 16 bits on such processors. Compress again for this target: weights then take 7 bits.',
    ),
  ],
  sources: [
    'Intel SDM, VPMADDUBSW: pairs of products of unsigned and signed bytes are added with saturation to 16 bits',
    'onnxruntime.ai, Quantize ONNX models: reduce_range on AVX2 and AVX-512 without VNNI',
    'Rodriguez et al., Lower Numerical Precision Deep Learning Inference and Training (Intel, 2018)',
  ],
})
