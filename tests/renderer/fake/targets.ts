import type { TargetDescription } from '../../../src/contract/targets'

const target = (id: string, title: string, detail: string, estimated = true): TargetDescription => ({
  id,
  aliases: [],
  title,
  detail,
  does: 'Pare keeps weights of few bits packed in memory.',
  runtime: 'ONNX Runtime',
  estimated,
  sources: [],
})
export const targets = [
  target('any', 'Any ONNX Runtime', 'desktop, server, browser, wherever ONNX Runtime is', false),
  target('android-cpu', 'Android, CPU', 'XNNPACK or the plain CPU of the phone'),
  target('ios', 'iPhone, iPad', 'CoreML: float16 or float32, no int8 operators'),
]
