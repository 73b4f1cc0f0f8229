/** Intermediate values that student and teacher both have, for layer-wise distillation. */
import { sizeOf, type Model } from '../onnx'
import {
  computedValues,
  feedOf,
  floatsOf,
  shapesAt,
  signatureOf,
  withOutputs,
  withSession,
  type Values,
} from '../runtime'

export interface FeaturePair {
  student: string
  teacher: string
  weight: number
}

/** Outputs worth matching: what layers and their activations give. */
const LAYERS = new Set([
  'Conv',
  'ConvTranspose',
  'Gemm',
  'MatMul',
  'Add',
  'Relu',
  'LayerNormalization',
  'BatchNormalization',
  'Clip',
])
const MOST = 12

/**
 * Values of equal name and shape in both models, at most a dozen spread over the depth, each weighted by
 * `strength` / its mean square in the teacher, so that all count alike.
 */
export async function matchingFeatures(
  student: Model,
  teacher: Model,
  inputs: Values,
  strength: number,
  except: readonly string[],
): Promise<FeaturePair[]> {
  const floats = async (model: Model): Promise<Map<string, string>> => {
    const traced = await shapesAt(model, computedValues(model), feedOf(signatureOf(model), inputs))
    return new Map(
      [...traced]
        .filter(([, v]) => v.dtype === 'float32' && v.dims.length > 1)
        .map(([name, v]) => [name, v.dims.join()]),
    )
  }
  const [mine, theirs] = [await floats(student), await floats(teacher)]
  const shared = student.graph.nodes
    .filter((node) => LAYERS.has(node.opType))
    .map((node) => node.outputs[0]!)
    .filter((name) => mine.has(name) && mine.get(name) === theirs.get(name) && !except.includes(name))
  const step = Math.max(1, shared.length / MOST)
  const chosen = [
    ...new Set(
      Array.from(
        { length: Math.min(MOST, shared.length) },
        (_, i) => shared[Math.floor((i + 1) * step) - 1]!,
      ),
    ),
  ]
  if (chosen.length === 0) return []
  return withSession(withOutputs(teacher, chosen), {}, async (session) => {
    const values = await session.run(feedOf(signatureOf(teacher), inputs), chosen)
    return chosen.map((name) => {
      const data = floatsOf(values[name]!)
      const power = data.reduce((sum, x) => sum + x * x, 0) / Math.max(1, sizeOf(values[name]!.dims))
      return { student: name, teacher: name, weight: strength / (chosen.length * Math.max(power, 1e-12)) }
    })
  })
}
