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
  sources: ['latency is measured on this machine'],
})
