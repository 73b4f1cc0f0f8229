/** Intermediate values that student and teacher both have, for layer-wise distillation. */
import { PareError, type ErrorCode } from '../../contract/errors'
import { sizeOf, type Model } from '../onnx'
import {
  countsSamples,
  feedOf,
  floatsOf,
  shapesAt,
  signatureOf,
  traceShapes,
  withOutputs,
  withSession,
  type Values,
} from '../runtime'
import { buildTrainingGraph } from './graph'
import type { Objective } from './objective'

interface FeaturePair {
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
 * Values of equal name and shape in both models that count samples by their first axis, at most a dozen spread over the
 * depth, each weighted by `strength` / its mean square in the teacher, so that all count alike.
 */
export async function matchingFeatures(
  student: Model,
  teacher: Model,
  inputs: Values,
  strength: number,
  except: readonly string[],
): Promise<FeaturePair[]> {
  const floats = async (model: Model): Promise<Map<string, string>> => {
    const signature = signatureOf(model)
    const traced = await traceShapes(model, { feeds: feedOf(signature, inputs) })
    return new Map(
      [...traced]
        .filter(([, v]) => v.dtype === 'float32' && v.dims.length > 1 && countsSamples(v, signature.batch))
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
  const powers = await meanSquares(teacher, inputs, chosen)
  return chosen.map((name, i) => ({
    student: name,
    teacher: name,
    weight: strength / (chosen.length * powers[i]!),
  }))
}

/**
 * The outputs beside the objective's that both models give in one shape: a student of one of them alone would forget the
 * others. Their errors relative to each one's mean square count as those of the objective's output do, one for one where
 * that is held against labels by another loss. Left out are states, outputs of no use, and those no gradient comes back from.
 */
export async function otherOutputs(
  student: Model,
  teacher: Model,
  inputs: Values,
  { output: main, kind }: Pick<Objective, 'output' | 'kind'>,
  trainable: readonly string[],
  unused: readonly string[] = [],
): Promise<{ pairs: FeaturePair[]; left: string[] }> {
  const theirs = new Set(teacher.graph.outputs.map(({ name }) => name))
  const shared = signatureOf(student)
    .outputs.filter(({ name, state }) => name !== main && state === undefined && theirs.has(name))
    .map(({ name }) => name)
    .filter((name) => !unused.includes(name))
  if (shared.length === 0 || !theirs.has(main)) return { pairs: [], left: [] }
  const dims = await Promise.all(
    [student, teacher].map((model) => shapesAt(model, shared, feedOf(signatureOf(model), inputs))),
  )
  const alike = shared.filter((name) => {
    const [mine, its] = dims.map((traced) => traced.get(name))
    return mine?.dtype === 'float32' && its?.dtype === 'float32' && mine.dims.join() === its.dims.join()
  })
  const learned: string[] = []
  for (const name of alike) if (await comesBack(student, name, inputs, trainable)) learned.push(name)
  const [own, ...powers] = await meanSquares(teacher, inputs, [main, ...learned])
  const unit = kind === 'squared-error' ? own! : 1
  return {
    pairs: learned.map((name, i) => ({ student: name, teacher: name, weight: unit / powers[i]! })),
    left: alike.filter((name) => !learned.includes(name)),
  }
}

/** Whether weights learn from this value. */
async function comesBack(
  model: Model,
  value: string,
  inputs: Values,
  trainable: readonly string[],
): Promise<boolean> {
  const feeds = feedOf(signatureOf(model), inputs)
  const loss = { kind: 'squared-error', value, hard: true, soft: false } as const
  try {
    await buildTrainingGraph(model, { feeds, trainable, loss })
    return true
  } catch (cause) {
    if (cause instanceof PareError && CANNOT.includes(cause.code)) return false
    throw cause
  }
}

const CANNOT: readonly ErrorCode[] = ['model/unsupported-op', 'model/nothing-to-do']

async function meanSquares(model: Model, inputs: Values, names: readonly string[]): Promise<number[]> {
  if (names.length === 0) return []
  return withSession(withOutputs(model, names), {}, async (session) => {
    const values = await session.run(feedOf(signatureOf(model), inputs), [...names])
    return names.map((name) => {
      const data = floatsOf(values[name]!)
      const power = data.reduce((sum, x) => sum + x * x, 0) / Math.max(1, sizeOf(values[name]!.dims))
      return Math.max(power, 1e-12)
    })
  })
}
