import { LPDDR4X, macsPerSecond, OVERHEAD, TABLE } from './mobilenet'
import { defineTarget } from './target'

export const androidCpu = defineTarget({
  id: 'android-cpu',
  aliases: ['android'],
  title: 'Android, CPU',
  detail: 'XNNPACK or the plain CPU of the phone',
  runtime: 'ONNX Runtime Mobile with XNNPACK, or its CPU kernels',
  provider: {
    name: 'XNNPACK',
    operators: `AveragePool Conv ConvTranspose MaxPool Softmax QLinearConv Resize Gemm MatMul
      com.microsoft.QLinearAveragePool com.microsoft.QLinearSoftmax com.microsoft.QLinearConvTranspose`,
    spatial: [2],
    quantized: 'AveragePool Conv ConvTranspose MaxPool Resize Softmax',
    advice: 'The rest runs on the ordinary CPU provider, which is often as fast: measure both.',
  },
  device: {
    macsPerSecond: macsPerSecond(14.0),
    speed: { float32: 1, float16: 1, int8: 14.0 / 5.0 },
    bytesPerSecond: LPDDR4X,
    overhead: OVERHEAD,
    source: `${TABLE} (Pixel 4, CPU: 14.0 ms in float, 5.0 ms in int8)`,
  },
  int8: { weightBits: 8 },
  keepsPacked: true,
  forms: ['ort', 'onnx'],
  optimization: 'extended',
  sources: [
    'onnxruntime.ai, XNNPACK execution provider',
    'onnxruntime.ai, mobile usability checker',
    'tensorflow.org/lite, performance benchmarks',
  ],
})
