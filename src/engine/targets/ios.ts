import { isQuantized } from '../layers/encodings'
import { LPDDR4X, macsPerSecond, OVERHEAD, TABLE } from './mobilenet'
import { defineTarget } from './target'

export const ios = defineTarget({
  id: 'ios',
  title: 'iPhone, iPad',
  detail: 'CoreML: float16 or float32, no int8 operators',
  runtime: 'ONNX Runtime Mobile with CoreML (MLProgram)',
  provider: {
    name: 'CoreML',
    operators: `Add ArgMax AveragePool Cast Ceil Clip Concat Conv ConvTranspose Cos DepthToSpace Div Elu Erf Exp
      GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool GridSample GroupNormalization HardSigmoid Identity
      InstanceNormalization LayerNormalization LeakyRelu MatMul Max MaxPool Mul Pow PRelu Range Reciprocal ReduceMax
      ReduceMean ReduceSum Relu Reshape Resize Round Shape Sigmoid Sin Slice Softmax Softplus Split Sqrt Squeeze Sub
      Tanh Tile Transpose Unsqueeze com.microsoft.FusedConv com.microsoft.QuickGelu`,
    spatial: [1, 2],
    advice: 'Each change between CoreML and CPU costs time: with several parts, plain CPU is usually faster.',
  },
  device: {
    macsPerSecond: macsPerSecond(14.8),
    // CoreML has no QuantizeLinear: integers run on the CPU as floats between conversions.
    speed: { float32: 1, float16: 2, int8: 1 },
    bytesPerSecond: LPDDR4X,
    overhead: OVERHEAD,
    source: `${TABLE} (iPhone XS, CPU: 14.8 ms in float); half precision at twice float, as many lanes as fit 128 bits; no integer arithmetic in Core ML`,
  },
  int8: {
    weightBits: 8,
    leaves: {
      nodes: isQuantized,
      message:
        'CoreML has no integer operators: quantized layers run on the CPU. For the Neural Engine, ship a float16 model.',
    },
    note: 'CoreML has no integer operators of this kind, so this model runs on the CPU there',
  },
  keepsPacked: false,
  fixedShapes: true,
  forms: ['ort', 'onnx'],
  optimization: 'basic',
  sources: [
    'onnxruntime.ai, CoreML execution provider (MLProgram)',
    'onnxruntime.ai, mobile usability checker',
    'tensorflow.org/lite, performance benchmarks',
  ],
})
