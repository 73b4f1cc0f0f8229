/** What kind of work an operator does: its colour in drawings, and a word beside it. */
export const FAMILIES = {
  weights: 'layer with weights',
  activation: 'activation',
  normalization: 'normalization',
  pooling: 'pooling or reduction',
  shape: 'moves data',
  arithmetic: 'arithmetic',
  quantization: 'quantization',
  control: 'control or other',
} as const

export type Family = keyof typeof FAMILIES

/** Tried in order; whole words of ONNX's and com.microsoft's operators. */
const WORDS: readonly (readonly [Family, RegExp])[] = [
  ['quantization', /^(De|Dynamic)?[Qq]uantize|^Q(Linear|Gemm|Attention|Ordered)|Integer|NBits|Cast$|^Bnb4/],
  ['weights', /Conv|Gemm|MatMul|Attention|LSTM|GRU|^RNN|Embed|^Einsum|Moe$|^MoE/],
  ['normalization', /Norm|^LRN$/],
  ['pooling', /Pool|^Reduce|^Arg(Max|Min)$|^TopK|^CumSum/],
  [
    'activation',
    /^(Leaky|P|Thresholded|)Relu$|Gelu|Sigmoid|Softmax|^(Tanh|Elu|Selu|Celu|Softplus|Softsign|Mish|HardSwish|Swish|Clip|Erf)$/,
  ],
  [
    'shape',
    /^(Reshape|Transpose|Concat|Split|Slice|Gather.*|Scatter.*|Squeeze|Unsqueeze|Flatten|Expand|Tile|Pad|Shape|Resize|Upsample|DepthToSpace|SpaceToDepth|Identity|Constant.*|Range|OneHot|Compress|Size|NonZero|Reverse.*|Trilu)$/,
  ],
  [
    'arithmetic',
    /^(Add|Sub|Mul|Div|Pow|Sqrt|Exp|Log|Neg|Abs|Min|Max|Mean|Sum|Mod|Where|Equal|Greater.*|Less.*|Not|And|Or|Xor|Sin|Cos|Floor|Ceil|Round|Sign|Reciprocal|IsNaN|IsInf)$/,
  ],
]

/** Of an operator as a diff names it, with its domain before it where it has one. */
export function familyOf(op: string): Family {
  const name = op.slice(op.lastIndexOf('.') + 1)
  return WORDS.find(([, word]) => word.test(name))?.[0] ?? 'control'
}
