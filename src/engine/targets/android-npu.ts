import { isQuantized } from '../layers/encodings'
import { LPDDR4X, macsPerSecond, OVERHEAD, TABLE } from './mobilenet'
import { defineTarget } from './target'

export const androidNpu = defineTarget({
  id: 'android-npu',
  title: 'Android, NPU',
  detail: 'NNAPI or QNN: fixed shapes, int8',
  runtime: 'ONNX Runtime Mobile with NNAPI',
  provider: {
    name: 'NNAPI',
    operators: `Abs Add AveragePool Cast Clip Concat Conv DepthToSpace DequantizeLinear Div Elu Exp Flatten
      Floor Gather Gemm GlobalAveragePool GlobalMaxPool Identity Log MatMul MaxPool Max Min Mul Neg Pad Pow PRelu
      QLinearConv QLinearMatMul QuantizeLinear Relu Reshape Resize Sigmoid Sin Slice Softmax Sqrt Squeeze Sub Tanh
      Transpose Unsqueeze com.microsoft.QLinearAdd com.microsoft.QLinearAveragePool com.microsoft.QLinearSigmoid`,
    spatial: [2],
    advice: 'Each change between NNAPI and CPU costs time: with several parts, plain CPU is usually faster.',
  },
  device: {
    // Relative to the CPU of the same phone, which takes 14.0 ms.
    macsPerSecond: macsPerSecond(14.0),
    speed: { float32: 14.0 / 14.8, float16: 14.0 / 14.8, int8: 14.0 / 3.2 },
    bytesPerSecond: LPDDR4X,
    overhead: OVERHEAD,
    source: `${TABLE} (Pixel 4, NNAPI: 14.8 ms in float, 3.2 ms in int8; CPU: 14.0 ms in float)`,
  },
  int8: {
    weightBits: 8,
    leaves: {
      nodes: (node) => isQuantized(node) && !/^(De)?QuantizeLinear$|^QLinear/.test(node.opType),
      message:
        'NNAPI takes static int8 only: dynamic and low-bit layers run on the CPU. Use static quantization.',
    },
  },
  keepsPacked: false,
  fixedShapes: true,
  forms: ['ort', 'onnx'],
  optimization: 'basic',
  sources: [
    'onnxruntime.ai, NNAPI execution provider',
    'onnxruntime.ai, mobile usability checker',
    'tensorflow.org/lite, performance benchmarks',
  ],
})
