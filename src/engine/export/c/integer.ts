/**
 * Patterns that Q/DQ mark as integer arithmetic, as operators of Pare's own: a layer between codes (sums in 32 bits and
 * one multiplier an output), element-wise operators as a table of 256 codes, and moves of codes.
 * Sources: arXiv:1712.05877 (integer-arithmetic-only inference), ONNX QuantizeLinear.
 */
import { gemmTerms } from '../../layers/kinds/matrix'
import { Model, roundHalfEven, Tensor, type DType, type Graph, type Node } from '../../onnx'
import { withSession, type Value } from '../../runtime'

const DOMAIN = 'pare'

interface Scale {
  scale: number
  zero: number
  dtype: DType
}

interface Coded extends Scale {
  codes: string
}

/** They give elements of their first input, in other places. */
const MOVES = new Set(
  [
    'Reshape',
    'Flatten',
    'Squeeze',
    'Unsqueeze',
    'Identity',
    'Transpose',
    'Slice',
    'Expand',
    'Tile',
    'DepthToSpace',
  ].concat(['SpaceToDepth', 'MaxPool', 'GlobalMaxPool', 'Gather']),
)

/** Element by element; more inputs than one must be numbers. */
const ELEMENTWISE = new Set(
  (
    'Abs Neg Sign Relu Reciprocal Sigmoid Softplus Softsign HardSigmoid HardSwish Swish Mish Elu Celu Selu LeakyRelu ThresholdedRelu ' +
    'Shrink Gelu Round Exp Log Sqrt Ceil Floor Tanh Sin Cos Tan Asin Acos Atan Sinh Cosh Erf Add Sub Mul Div Pow Max Min Clip'
  ).split(' '),
)

const BYTES: ReadonlySet<DType> = new Set<DType>(['int8', 'uint8'])

const limits = (dtype: DType): readonly [number, number] => (dtype === 'int8' ? [-128, 127] : [0, 255])

/** Edits the graph, whose constants are initializers but for codes. */
export async function toIntegers(model: Model): Promise<void> {
  const view = new View(model.graph)
  for (const end of model.graph.nodes.filter((node) => node.is('QuantizeLinear'))) {
    const scale = view.scaleOf(end)
    if (!scale || !BYTES.has(scale.dtype)) continue
    const made = view.layer(end, scale) ?? view.moved(end, scale) ?? (await view.table(model, end, scale))
    if (made) model.graph.nodes.splice(model.graph.nodes.indexOf(end), 1, made)
  }
  model.graph.prune()
}

class View {
  private readonly producers: Map<string, Node>
  private readonly readers: ReadonlyMap<string, readonly Node[]>

  constructor(private readonly graph: Graph) {
    this.producers = graph.producers()
    this.readers = graph.consumerMap()
  }

  private constant(name: string | undefined): Tensor | undefined {
    return name ? this.graph.initializers.get(name) : undefined
  }

  /** One scale and one zero point, both constant. */
  scaleOf(node: Node): Scale | undefined {
    const [scale, zero] = [this.constant(node.inputs[1]), this.constant(node.inputs[2])]
    if (scale?.size !== 1 || (node.inputs[2] && zero?.size !== 1)) return undefined
    const written = node.is('QuantizeLinear')
      ? (zero?.dtype ?? 'uint8')
      : (zero?.dtype ?? this.constant(node.inputs[0])?.dtype ?? 'uint8')
    return { scale: scale.floats()[0]!, zero: zero?.numbers()[0] ?? 0, dtype: written }
  }

  /** Codes behind a value that is restored from them. */
  private coded(value: string | undefined): Coded | undefined {
    const node = value ? this.producers.get(value) : undefined
    if (!node?.is('DequantizeLinear') || this.constant(node.inputs[0])) return undefined
    const scale = this.scaleOf(node)
    return scale && BYTES.has(scale.dtype) ? { ...scale, codes: node.inputs[0]! } : undefined
  }

  /** The maker of a value that has no other reader. */
  private sole(value: string): Node | undefined {
    return this.readers.get(value)?.length === 1 && !this.graph.isOutput(value)
      ? this.producers.get(value)
      : undefined
  }

  /** Values of a constant, restored from its codes or as it is. */
  private floats(value: string | undefined): Float32Array | undefined {
    const plain = this.constant(value)
    if (plain) return plain.dtype === 'float32' ? plain.floats() : undefined
    const node = value ? this.producers.get(value) : undefined
    const codes = node?.is('DequantizeLinear') ? this.constant(node.inputs[0]) : undefined
    const scales = node && codes ? this.constant(node.inputs[1])?.floats() : undefined
    const zeros = node?.inputs[2] ? this.constant(node.inputs[2])?.numbers() : [0]
    if (!codes || !scales || !zeros || codes.dims.length > 1) return undefined
    return Float32Array.from(
      codes.numbers(),
      (code, i) => (code - zeros[zeros.length > 1 ? i : 0]!) * scales[scales.length > 1 ? i : 0]!,
    )
  }

  /** Codes of a weight [outputs, inputs] within a byte, and one scale an output or one for all. */
  private weight(
    layer: Node,
  ): { codes: Int8Array; scales: Float32Array; dims: readonly number[] } | undefined {
    const node = this.producers.get(layer.inputs[1]!)
    const codes = node?.is('DequantizeLinear') ? this.constant(node.inputs[0]) : undefined
    if (!node || !codes || codes.dims.length < 2 || node.int('block_size', 0) > 0) return undefined
    const scales = this.constant(node.inputs[1])?.floats()
    const zeros = node.inputs[2] ? this.constant(node.inputs[2])?.numbers() : [0]
    if (!scales || !zeros) return undefined
    const turned = layer.is('MatMul') || (layer.is('Gemm') && !gemmTerms(layer).transB)
    const axis = node.int('axis', 1)
    const isPerOutput = (axis < 0 ? axis + codes.dims.length : axis) === (turned ? 1 : 0)
    if ((scales.length > 1 || zeros.length > 1) && !isPerOutput) return undefined
    const ranks = layer.is('Conv') ? [3, 4] : [2]
    if (!ranks.includes(codes.dims.length)) return undefined
    const outputs = codes.dims[turned ? 1 : 0]!
    const inputs = codes.size / outputs
    const values = codes.numbers()
    const out = new Int8Array(codes.size)
    for (let o = 0; o < outputs; o++)
      for (let k = 0; k < inputs; k++) {
        const code = values[turned ? k * outputs + o : o * inputs + k]! - zeros[zeros.length > 1 ? o : 0]!
        if (code < -128 || code > 127) return undefined
        out[o * inputs + k] = code
      }
    return { codes: out, scales, dims: layer.is('Conv') ? codes.dims : [outputs, inputs] }
  }

  /** Conv, Gemm or MatMul between codes, with a bias and limits behind it. */
  layer(end: Node, y: Scale): Node | undefined {
    let value = end.inputs[0]!
    let node = this.sole(value)
    let [low, high] = limits(y.dtype)
    const code = (number: number): number => roundHalfEven(number / y.scale) + y.zero
    if (node?.is('Relu')) low = Math.max(low, y.zero)
    if (node?.is('Clip')) {
      const [least, most] = [node.inputs[1], node.inputs[2]].map((name) =>
        name ? this.constant(name)?.numbers()[0] : null,
      )
      if (least === undefined || most === undefined) return undefined
      if (least !== null) low = Math.max(low, code(least))
      if (most !== null) high = Math.min(high, code(most))
    }
    if (node?.is('Relu', 'Clip')) {
      value = node.inputs[0]!
      node = this.sole(value)
    }
    let added: string | undefined
    if (node?.is('Add')) {
      const [product] = node.inputs.filter((input) => this.producers.get(input)?.is('MatMul'))
      added = node.inputs.find((input) => input !== product)
      node = product ? this.sole(product) : undefined
      if (!node) return undefined
    }
    if (!node?.is('Conv', 'Gemm', 'MatMul') || low > high) return undefined
    const { alpha, beta, transA } = gemmTerms(node)
    const isScaled = node.is('Gemm') && (alpha !== 1 || beta !== 1 || transA)
    const [x, weight] = [this.coded(node.inputs[0]), this.weight(node)]
    if (isScaled || !x || !weight) return undefined
    const { codes, scales, dims } = weight
    const outputs = dims[0]!
    const biasName = added ?? node.inputs[2]
    const bias = biasName ? this.floats(biasName) : new Float32Array(outputs)
    if (!bias || (bias.length !== outputs && bias.length !== 1)) return undefined
    const unit = (o: number): number => x.scale * scales[scales.length > 1 ? o : 0]!
    const sums = Array.from({ length: outputs }, (_, o) =>
      roundHalfEven(bias[bias.length > 1 ? o : 0]! / unit(o)),
    )
    if (sums.some((sum) => !(Math.abs(sum) < 2 ** 30))) return undefined
    const { graph } = this
    const bytes = new Uint8Array(codes.buffer)
    const made = node.clone()
    Object.assign(made, {
      domain: DOMAIN,
      opType: node.is('Conv') ? 'Conv' : 'Product',
      name: node.label,
      inputs: [
        x.codes,
        graph.addInitializer(`${node.inputs[1]}_codes`, Tensor.fromBytes('int8', dims, bytes)),
        graph.addInitializer(`${node.label}_bias`, Tensor.of('int32', [outputs], sums)),
      ],
      outputs: [end.outputs[0]!],
    })
    made.set('multipliers', { floats: Array.from(scales, (_, o) => unit(o) / y.scale) })
    for (const [name, number] of Object.entries({ xZero: x.zero, yZero: y.zero, low, high }))
      made.set(name, { int: number })
    return made
  }

  /** A move of codes that keep their scale. */
  moved(end: Node, y: Scale): Node | undefined {
    const node = this.producers.get(end.inputs[0]!)
    const isJoin = node?.is('Concat')
    if (!node || node.outputs.length > 1 || node.domain !== '' || !(isJoin || MOVES.has(node.opType)))
      return undefined
    const from = (isJoin ? node.inputs : node.inputs.slice(0, 1)).map((input) => this.coded(input))
    const isSame = from.every((one) => one?.scale === y.scale && one.zero === y.zero && one.dtype === y.dtype)
    if (!isSame) return undefined
    const made = node.clone()
    made.inputs = isJoin ? from.map((one) => one!.codes) : [from[0]!.codes, ...node.inputs.slice(1)]
    made.outputs = [end.outputs[0]!]
    return made
  }

  /** What hangs on one code element by element is a table of its 256 values, made by ONNX Runtime. */
  async table(model: Model, end: Node, y: Scale): Promise<Node | undefined> {
    const nodes = new Set<Node>([end])
    let leaf: Node | undefined
    const collect = (value: string): boolean => {
      const tensor = this.constant(value)
      if (tensor) return tensor.size === 1
      const node = this.producers.get(value)
      if (node?.is('DequantizeLinear')) {
        const isLeaf = !this.constant(node.inputs[0]) && (leaf === undefined || leaf === node)
        leaf = node
        return isLeaf
      }
      if (!node || node.domain !== '' || !ELEMENTWISE.has(node.opType)) return false
      nodes.add(node)
      return node.inputs.every((input) => input === '' || collect(input))
    }
    const scale = collect(end.inputs[0]!) && leaf ? this.scaleOf(leaf) : undefined
    if (!leaf || !scale || !BYTES.has(scale.dtype)) return undefined
    const [codes] = leaf.inputs
    const all = Array.from({ length: 256 }, (_, i) => (scale.dtype === 'int8' && i > 127 ? i - 256 : i))
    const part = new Model()
    Object.assign(part, { irVersion: model.irVersion, opsets: new Map(model.opsets) })
    for (const [name, tensor] of this.graph.initializers)
      if (tensor.size === 1) part.graph.initializers.set(name, tensor)
    part.graph.nodes = [leaf, ...this.graph.nodes.filter((node) => nodes.has(node))].map((node) =>
      node.clone(),
    )
    part.graph.inputs = [{ name: codes!, dtype: scale.dtype, dims: [256] }]
    part.graph.outputs = [{ name: end.outputs[0]! }]
    part.graph.prune()
    const data = scale.dtype === 'int8' ? Int8Array.from(all) : Uint8Array.from(all)
    const input: Value = { dtype: scale.dtype, dims: [256], data }
    const results = await withSession(part, { optimization: 'disabled' }, (session) =>
      session.run({ [codes!]: input }),
    )
    const values = Array.from(results[end.outputs[0]!]!.data as Int8Array)
    const made = end.clone()
    const name = this.graph.addInitializer(`${end.label}_table`, Tensor.of(y.dtype, [256], values))
    Object.assign(made, { domain: DOMAIN, opType: 'Table', inputs: [codes, name] })
    made.attributes.clear()
    return made
  }
}
