/**
 * Whether a model suits where it shall run. Sources: onnxruntime.ai, pages of the XNNPACK, NNAPI and CoreML
 * (MLProgram) execution providers and of the mobile usability checker; ONNX Runtime's Versioning.md.
 */
import type { Target } from '../../contract/goal'
import type { TargetCheck } from '../../contract/project'
import type { Model, Node } from '../onnx'
import type { TracedValue } from '../runtime/trace'
import { constantValues } from '../runtime/weights'

interface Provider {
  name: string
  operators: ReadonlySet<string>
  /** Convolutions and pools it takes, by spatial dimensions. */
  spatial: readonly number[]
  /** Operators taken together with the Q/DQ around them; absent where Q/DQ are operators like others. */
  quantized?: ReadonlySet<string>
  /** What to do with what it does not take. */
  advice: string
}

const list = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

const PROVIDERS: Partial<Record<Target, Provider>> = {
  'android-cpu': {
    name: 'XNNPACK',
    operators: list(`AveragePool Conv ConvTranspose MaxPool Softmax QLinearConv Resize Gemm MatMul
      com.microsoft.QLinearAveragePool com.microsoft.QLinearSoftmax com.microsoft.QLinearConvTranspose`),
    spatial: [2],
    quantized: list('AveragePool Conv ConvTranspose MaxPool Resize Softmax'),
    advice: 'The rest runs on the ordinary CPU provider, which is often as fast: measure both.',
  },
  'android-npu': {
    name: 'NNAPI',
    operators:
      list(`Abs Add AveragePool Cast Clip Concat Conv DepthToSpace DequantizeLinear Div Elu Exp Flatten
      Floor Gather Gemm GlobalAveragePool GlobalMaxPool Identity Log MatMul MaxPool Max Min Mul Neg Pad Pow PRelu
      QLinearConv QLinearMatMul QuantizeLinear Relu Reshape Resize Sigmoid Sin Slice Softmax Sqrt Squeeze Sub Tanh
      Transpose Unsqueeze com.microsoft.QLinearAdd com.microsoft.QLinearAveragePool com.microsoft.QLinearSigmoid`),
    spatial: [2],
    advice: 'Each change between NNAPI and CPU costs time: with several parts, plain CPU is usually faster.',
  },
  ios: {
    name: 'CoreML (MLProgram)',
    operators:
      list(`Add ArgMax AveragePool Cast Ceil Clip Concat Conv ConvTranspose Cos DepthToSpace Div Elu Erf Exp
      GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool GridSample GroupNormalization HardSigmoid Identity
      InstanceNormalization LayerNormalization LeakyRelu MatMul Max MaxPool Mul Pow PRelu Range Reciprocal ReduceMax
      ReduceMean ReduceSum Relu Reshape Resize Round Shape Sigmoid Sin Slice Softmax Softplus Split Sqrt Squeeze Sub
      Tanh Tile Transpose Unsqueeze com.microsoft.FusedConv com.microsoft.QuickGelu`),
    spatial: [1, 2],
    advice: 'Each change between CoreML and CPU costs time: with several parts, plain CPU is usually faster.',
  },
}

/** First version of ONNX Runtime that takes an opset. */
const RUNTIMES: readonly [opset: number, version: string][] = [
  [15, '1.10'],
  [17, '1.13'],
  [18, '1.14'],
  [19, '1.15'],
  [20, '1.17'],
  [21, '1.18'],
]

/** The lowest opset in which an operator takes what the models here use of it. */
const FLOORS: readonly {
  op: string
  needs: (node: Node, traced: Traced) => boolean
  opset: number
  why: string
}[] = [
  { op: 'DequantizeLinear', needs: () => true, opset: 10, why: 'quantized tensors' },
  {
    op: 'DequantizeLinear',
    needs: (node, traced) => (traced.get(node.inputs[1]!)?.dims.length ?? 0) > 0,
    opset: 13,
    why: 'one scale a channel',
  },
  {
    op: 'DequantizeLinear',
    needs: (node, traced) => /^u?int4$/.test(traced.get(node.inputs[0]!)?.dtype ?? ''),
    opset: 21,
    why: '4-bit weights',
  },
  {
    op: 'DequantizeLinear',
    needs: (node, traced) => /^u?int2$/.test(traced.get(node.inputs[0]!)?.dtype ?? ''),
    opset: 25,
    why: '2-bit weights',
  },
]

type Traced = ReadonlyMap<string, TracedValue>

/** Looks at a model for a target. `traced` are its shapes at one sample. */
export function checkTarget(model: Model, target: Target, traced: Traced): TargetCheck[] {
  return [
    runtimeVersion(model),
    ...opsetFloors(model, traced),
    ...foreignOperators(model),
    ...fixedShapes(model, target),
    ...coverage(model, target, traced),
    ...integers(model, target),
  ]
}

const good = (message: string): TargetCheck => ({ ok: true, severity: 'info', message })
const warning = (message: string): TargetCheck => ({ ok: false, severity: 'warning', message })

function runtimeVersion(model: Model): TargetCheck {
  const found = RUNTIMES.find(([opset]) => model.opset <= opset)
  return found
    ? good(`Opset ${model.opset}: runs from ONNX Runtime ${found[1]} on.`)
    : good(
        `Opset ${model.opset} is newer than 21: use the ONNX Runtime of this bundle’s golden outputs (1.30) or later.`,
      )
}

function opsetFloors(model: Model, traced: Traced): TargetCheck[] {
  const missing = FLOORS.filter(
    ({ op, needs, opset }) =>
      model.opset < opset && model.graph.nodes.some((node) => node.is(op) && needs(node, traced)),
  )
  return missing.map(({ opset, why }): TargetCheck => ({
    ok: false,
    severity: 'error',
    message: `${why} need opset ${opset} and the model declares ${model.opset}. Raise the opset of the original and compress again.`,
  }))
}

const KNOWN_DOMAINS = new Set(['', 'ai.onnx.ml', 'com.microsoft'])

function foreignOperators(model: Model): TargetCheck[] {
  const domains = new Set<string>()
  for (const graph of model.graphs()) for (const node of graph.nodes) domains.add(node.domain)
  for (const { domain } of model.functions) domains.delete(domain)
  const foreign = [...domains].filter((domain) => !KNOWN_DOMAINS.has(domain))
  return foreign.length === 0
    ? []
    : [warning(`Operators of ${foreign.join(', ')} need their own library registered on the device.`)]
}

function fixedShapes(model: Model, target: Target): TargetCheck[] {
  if (target !== 'android-npu' && target !== 'ios') return []
  const dynamic = model.graph.requiredInputs.filter(({ dims }) =>
    dims?.some((dim) => typeof dim !== 'number'),
  )
  if (dynamic.length === 0) return [good('All input shapes are fixed.')]
  const names = dynamic.map(({ name, dims }) => `${name} [${dims!.map((dim) => dim ?? '?').join(', ')}]`)
  const provider = target === 'ios' ? 'CoreML' : 'NNAPI'
  return [
    warning(
      `${provider} wants fixed shapes, and these inputs have free ones: ${names.join('; ')}. Export the original with ` +
        'a batch of 1, or fix them with onnxruntime.tools.make_dynamic_shape_fixed.',
    ),
  ]
}

/** How much of the graph the provider takes, in how many pieces: the mobile checker's rule of thumb. */
function coverage(model: Model, target: Target, traced: Traced): TargetCheck[] {
  const provider = PROVIDERS[target]
  if (!provider) return []
  const { graph } = model
  const producers = graph.producers()
  const constant = constantValues(graph)
  const nodes = graph.nodes.filter((node) =>
    node.outputs.some((output) => output !== '' && !constant.has(output)),
  )
  const isGlue = (node: Node): boolean =>
    provider.quantized !== undefined && node.is('QuantizeLinear', 'DequantizeLinear')
  const counted = nodes.filter((node) => !isGlue(node))
  const taken = new Set(counted.filter((node) => takes(provider, node, traced, producers)))
  const share = counted.length > 0 ? taken.size / counted.length : 0
  const pieces = partitions(nodes, taken, isGlue, producers)
  const others = [...new Set(counted.filter((node) => !taken.has(node)).map((node) => node.opType))]
  const left =
    others.length > 0
      ? ` Left to the CPU: ${others.slice(0, 8).join(', ')}${others.length > 8 ? ' …' : ''}.`
      : ''
  const words =
    `${provider.name} takes ${Math.round(share * 100)}% of the ${counted.length} operators in ${pieces} ` +
    `${pieces === 1 ? 'part' : 'parts'}.${left}`
  const fits = pieces <= 2 && share > 0.75
  return [fits ? good(words) : warning(`${words} ${provider.advice}`)]
}

function takes(
  provider: Provider,
  node: Node,
  traced: Traced,
  producers: ReadonlyMap<string, Node>,
): boolean {
  const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
  if (!provider.operators.has(name)) return false
  const quantized = node.inputs.some((input) => producers.get(input)?.is('DequantizeLinear'))
  if (quantized && provider.quantized && !provider.quantized.has(name)) return false
  if (/Conv|Pool/.test(node.opType)) {
    const rank = traced.get(node.inputs[0]!)?.dims.length
    return rank === undefined || provider.spatial.includes(rank - 2)
  }
  return true
}

/** Parts the taken nodes fall into: a new one begins behind every node that is left to the CPU. */
function partitions(
  nodes: readonly Node[],
  taken: ReadonlySet<Node>,
  isGlue: (node: Node) => boolean,
  producers: ReadonlyMap<string, Node>,
): number {
  const level = new Map<Node, number>()
  const inside = new Map<Node, boolean>()
  const parts = new Set<number>()
  for (const node of nodes) {
    const before = node.inputs.flatMap((input) => producers.get(input) ?? []).filter((one) => level.has(one))
    // Q/DQ belong to the side they come from.
    inside.set(node, isGlue(node) ? before.every((one) => inside.get(one)) : taken.has(node))
    const crossing = (one: Node): number => (inside.get(node) && !inside.get(one) ? 1 : 0)
    level.set(node, Math.max(0, ...before.map((one) => level.get(one)! + crossing(one))))
    if (taken.has(node)) parts.add(level.get(node)!)
  }
  return parts.size
}

function integers(model: Model, target: Target): TargetCheck[] {
  const quantized = model.graph.nodes.some((node) => /Quantize|QLinear|Integer|NBits/.test(node.opType))
  if (!quantized) return []
  if (target === 'ios')
    return [
      warning(
        'CoreML has no integer operators: quantized layers run on the CPU. For the Neural Engine, ship a float16 model.',
      ),
    ]
  if (
    target === 'android-npu' &&
    model.graph.nodes.some((node) => /DynamicQuantize|Integer|NBits/.test(node.opType))
  )
    return [
      warning(
        'NNAPI takes static int8 only: dynamic and low-bit layers run on the CPU. Use static quantization.',
      ),
    ]
  return []
}
