/** Trains a model that already is in QuantizeLinear / DequantizeLinear form; its integers change, its format does not. */
import { integerRange, Tensor, type Model, type Node } from '../../onnx'
import { learn, type LearningContext, type Learned } from '../../training/learn'
import type { LearningSettings, TeacherSettings } from '../../training/settings'
import { trainableWeights } from '../../training/trainable'

interface IntegerTraining {
  by: string
  settings: LearningSettings
  teacher: TeacherSettings
  /** Updates to aim for where the number of epochs is left open. */
  updates?: number
  features: number
}

interface IntegerWeight {
  node: Node
  codes: string
  scales: Float32Array
  zeros: Float32Array
  dims: readonly number[]
  /** Length of runs of elements that share a scale, and number of scales. */
  inner: number
  count: number
  low: number
  high: number
}

function integerWeight(model: Model, node: Node): IntegerWeight | undefined {
  const { graph } = model
  const [codes, scale, zero] = node.inputs as [string, string, string | undefined]
  const tensor = graph.constant(codes)
  const scales = graph.constant(scale)
  const zeros = zero ? graph.constant(zero) : undefined
  if (!tensor || scales?.dtype !== 'float32' || tensor.size < 2 || (zero && !zeros)) return undefined
  if (!['int8', 'uint8', 'int32', 'int4', 'uint4', 'int16', 'uint16'].includes(tensor.dtype)) return undefined
  const axis = node.int('axis', 1)
  const front = axis < 0 ? axis + tensor.dims.length : axis
  const count = scales.size
  if (scales.dims.length > 1 || (count > 1 && tensor.dims[front] !== count)) return undefined
  const [low, high] = integerRange(tensor.dtype)
  return {
    node,
    codes,
    scales: scales.floats(),
    zeros: zeros ? zeros.floats() : new Float32Array(count),
    dims: tensor.dims,
    inner: count > 1 ? tensor.dims.slice(front + 1).reduce((n, d) => n * d, 1) : tensor.size,
    count,
    low,
    high,
  }
}

const integerWeights = (model: Model): IntegerWeight[] =>
  model.graph.nodes.flatMap((node) =>
    node.opType === 'DequantizeLinear' ? (integerWeight(model, node) ?? []) : [],
  )

/** True for models whose weights are constants behind DequantizeLinear. */
export const hasIntegerWeights = (model: Model): boolean => integerWeights(model).length > 0

/** The float behind each integer, and the way there and back. */
function floatsOf({ scales, zeros, inner, count }: IntegerWeight, codes: Float32Array): Float32Array {
  return codes.map((code, i) => {
    const c = Math.floor(i / inner) % count
    return (code - zeros[c]!) * scales[c]!
  })
}

function codesOf(
  { scales, zeros, inner, count, low, high }: IntegerWeight,
  values: Float32Array,
): Float32Array {
  return values.map((value, i) => {
    const c = Math.floor(i / inner) % count
    return Math.min(high, Math.max(low, Math.round(value / scales[c]! + zeros[c]!)))
  })
}

/** A clone in which each integer constant is a float weight that a QuantizeLinear rounds on the way. */
function withLatents(
  model: Model,
  weights: readonly IntegerWeight[],
): { model: Model; latents: Map<string, IntegerWeight> } {
  const clone = model.clone()
  const { graph } = clone
  const latents = new Map<string, IntegerWeight>()
  for (const weight of weights) {
    const node = graph.producer(weight.node.outputs[0]!)!
    const values = floatsOf(weight, graph.constant(weight.codes)!.floats())
    const latent = graph.addInitializer(`${weight.codes}/float`, Tensor.float32(weight.dims, values))
    latents.set(latent, weight)
    // A bias has steps so fine that rounding it means nothing; QuantizeLinear gives no int32 either.
    if (graph.constant(weight.codes)!.dtype === 'int32') {
      node.opType = 'Identity'
      node.domain = ''
      node.inputs = [latent]
      node.attributes.clear()
      continue
    }
    const rounded = graph.freshName(`${weight.codes}/rounded`)
    const axis = node.attributes.get('axis')
    graph.addNode(
      {
        opType: 'QuantizeLinear',
        domain: node.domain,
        inputs: [latent, ...node.inputs.slice(1)],
        outputs: [rounded],
        attributes: axis ? { axis } : {},
      },
      node,
    )
    node.inputs = [rounded, ...node.inputs.slice(1)]
  }
  graph.prune()
  return { model: clone, latents }
}

/** Trains the integers of a quantized model against the original. Throws what `learn` throws. */
export async function trainIntegers(
  source: Model,
  original: Model,
  context: LearningContext,
  options: IntegerTraining,
): Promise<{ model: Model; learned: Learned; count: number }> {
  const { model, latents } = withLatents(source, integerWeights(source))
  const learned = await learn(model, context, {
    by: options.by,
    settings: options.settings,
    updates: options.updates,
    labels: true,
    teacher: { model: original, settings: options.teacher, features: options.features },
    keepShared: false,
    trainable: (prepared) => [...new Set([...latents.keys(), ...trainableWeights(prepared.graph)])],
  })
  const result = source.clone()
  for (const name of [...result.graph.initializers.keys()]) {
    const tensor = learned.model.graph.initializers.get(name)
    if (tensor?.dtype === 'float32') result.graph.initializers.set(name, tensor)
  }
  for (const [latent, weight] of latents) {
    const tensor = source.graph.constant(weight.codes)!
    const codes = codesOf(weight, learned.model.graph.initializers.get(latent)!.floats())
    result.graph.initializers.set(weight.codes, Tensor.of(tensor.dtype, tensor.dims, codes))
  }
  return { model: result, learned, count: latents.size }
}
