/**
 * ONNX Runtime sessions. `run` blocks the thread of the engine process; cancelling is killing that process.
 * Source: onnxruntime.ai/docs, InferenceSession options.
 */
import * as ort from 'onnxruntime-node'
import { PareError } from '../../contract/errors'
import { encodeModel, type Model } from '../onnx'
import { fromOrt, toOrt, type Values } from './value'

export interface SessionOptions {
  /** In order of preference; the CPU is always the last resort of ONNX Runtime itself. Default: ['cpu']. */
  providers?: readonly string[]
  /** Threads within an operator; default: all cores. */
  threads?: number
  optimization?: 'disabled' | 'basic' | 'extended' | 'layout' | 'all'
  /** Session configuration entries, such as { 'session.qdq_matmulnbits_accuracy_level': '0' } without 'session.'. */
  config?: Readonly<Record<string, string>>
  /** Writes a Chrome trace `<prefix>_<date>.json` when the session ends. */
  profilePrefix?: string
  /** Writes the optimized graph here: `.onnx` or, by its ending, `.ort`. */
  optimizedModelPath?: string
  memoryPattern?: boolean
  arena?: boolean
}

export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /** Feeds by input name; gives the outputs named in `fetches`, or all. */
  run(feeds: Values, fetches?: readonly string[]): Promise<Values>
  endProfiling(): void
  /** Sessions leak unless released. */
  release(): Promise<void>
}

function toOrtOptions(options: SessionOptions): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [...(options.providers ?? ['cpu'])],
    graphOptimizationLevel: options.optimization ?? 'all',
    logSeverityLevel: 4,
    ...(options.threads !== undefined && { intraOpNumThreads: options.threads }),
    ...(options.config && { extra: { session: options.config } }),
    ...(options.profilePrefix && { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    ...(options.optimizedModelPath && { optimizedModelFilePath: options.optimizedModelPath }),
    ...(options.memoryPattern !== undefined && { enableMemPattern: options.memoryPattern }),
    ...(options.arena !== undefined && { enableCpuMemArena: options.arena }),
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * Opens a model from memory or, better for large ones, from its path.
 * Throws `model/not-loadable` with ONNX Runtime's reason.
 */
export async function openSession(model: Model | string, options: SessionOptions = {}): Promise<Session> {
  const source = typeof model === 'string' ? model : encodeModel(model)
  let inner: ort.InferenceSession
  try {
    inner = await ort.InferenceSession.create(source as string, toOrtOptions(options))
  } catch (cause) {
    const file = typeof model === 'string' ? model : model.file
    throw new PareError('model/not-loadable', { file, reason: reasonOf(cause) }, { cause })
  }
  return {
    inputNames: inner.inputNames,
    outputNames: inner.outputNames,
    async run(feeds, fetches) {
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toOrt(value)]))
      const outputs = fetches ? await inner.run(inputs, [...fetches]) : await inner.run(inputs)
      return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, fromOrt(tensor)]))
    },
    endProfiling: () => inner.endProfiling(),
    release: () => inner.release(),
  }
}

/** Opens, uses and always releases a session. */
export async function withSession<T>(
  model: Model | string,
  options: SessionOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(model, options)
  try {
    return await use(session)
  } finally {
    await session.release()
  }
}
