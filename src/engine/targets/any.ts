import { saturating } from './saturation'
import { defineTarget } from './target'

export const any = defineTarget({
  id: 'any',
  aliases: ['generic', 'onnx', 'ort'],
  title: 'Any ONNX Runtime',
  detail: 'desktop, server, browser, wherever ONNX Runtime is',
  runtime: 'ONNX Runtime, CPU',
  int8: { weightBits: 8 },
  keepsPacked: true,
  forms: ['onnx', 'ort'],
  optimization: 'extended',
  checks: [
    saturating(
      'info',
      'can saturate at 16 bits on x86 processors without VNNI, which costs quality there; it was judged as other ' +
        'processors compute. For such PCs choose the target “PC without VNNI”.',
    ),
  ],
  sources: ['latency is measured on this machine'],
})
