import { macsPerSecond, OVERHEAD, TABLE } from './mobilenet'
import { defineTarget } from './target'

export const raspberryPi = defineTarget({
  id: 'raspberry-pi',
  title: 'Raspberry Pi class',
  detail: 'small ARM boards, CPU only',
  runtime: 'ONNX Runtime, CPU',
  device: {
    macsPerSecond: macsPerSecond(123.3),
    speed: { float32: 1, float16: 1, int8: 123.3 / 65.4 },
    bytesPerSecond: 12.8e9,
    overhead: 2 * OVERHEAD,
    source: `${TABLE} (Pixel 2, a core without int8 dot products: 123.3 ms in float, 65.4 ms in int8)`,
  },
  // Its instructions widen: a product of bytes has 16 bits and is added to 32, so nothing saturates.
  int8: { weightBits: 8 },
  keepsPacked: true,
  forms: ['onnx', 'ort'],
  optimization: 'extended',
  sources: [
    'Arm A64 instruction set: UMULL and UADALP multiply bytes into 16 bits and add pairs of them into 32',
    'tensorflow.org/lite, performance benchmarks',
  ],
})
