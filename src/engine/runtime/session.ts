/**
 * ONNX Runtime sessions. `run` blocks the thread of the engine process; cancelling is killing that process.
 * Source: onnxruntime.ai/docs, InferenceSession options.
 */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { encodedLength, encodeModel, writeModel, type DType, type Model } from '../onnx'
import { temporaryFolder } from '../onnx/temporary'
import { requireRoomForConstants } from './declared'
import { ort, type InferenceSession, type Tensor } from './ort'
import { EXCHANGED, fromOrt, toOrt, type Values } from './value'

/** Failures come back as errors; printed as well, they would spoil the output of the command line. */
ort.env.logLevel = 'fatal'

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
  /**
   * Whether threads spin while they wait for the next run: ONNX Runtime's default, and what latency is measured
   * with. Sessions that run by turns, or with other work in between, take cores from each other by it.
   */
  spinning?: boolean
  /**
   * 'exact': sums of int8 products are those of VNNI and ARM on every machine; x86 processors without VNNI would saturate
   * them at 16 bits, and are slower where they do not. 'usual': what ONNX Runtime takes where nobody asks, for what
   * measures time or memory. Files that a session writes are always 'usual'. Default: 'exact'.
   */
  kernels?: 'exact' | 'usual'
}

/** For sessions with other work between their runs: cores and memory are given back after each. */
export const BY_TURNS: SessionOptions = { spinning: false, arena: false }

/** What ONNX Runtime inferred of an input or output before running anything. */
interface PortType {
  name: string
  /** Absent for sequences, maps and optionals. */
  dtype?: DType
  /** Names, or '' where ONNX Runtime knows nothing. */
  dims: readonly (number | string)[]
}

export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly outputTypes: readonly PortType[]
  /**
   * Feeds by input name; gives the outputs named in `fetches`, or all. Where `fetches` are values, results are
   * written into their data, which must have the outputs' dtypes and shapes: nothing is allocated or copied.
   * Throws `model/run-failed` with ONNX Runtime's reason, and `model/no-scores` where no output can be fetched.
   */
  run(feeds: Values, fetches?: readonly string[] | Values): Promise<Values>
  endProfiling(): void
  /** Sessions leak unless released. */
  release(): Promise<void>
}

/** Cores that a session takes where it is not told; undefined: all. */
let coresOfSession: number | undefined

/** For a process that shares the machine with others that do the same work. */
export function shareCores(cores: number): void {
  coresOfSession = cores
}

type Entries = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Operators with int8 weights get uint8 ones once pairs are fused; without the second, pairs get them before. */
const EXACT: readonly Entries[] = [
  {
    session: { x64quantprecision: '1' },
    optimization: { disable_specified_optimizers: 'QDQS8ToU8Transformer' },
  },
  { session: { x64quantprecision: '1' } },
]

/** Configuration entries to open a session with, each where the one before makes what ONNX Runtime cannot run. */
function configurations({ kernels, optimizedModelPath }: SessionOptions): readonly Entries[] {
  // Weights are rewritten for exact kernels: a file would hold what only some processors want.
  return kernels === 'usual' || optimizedModelPath !== undefined ? [{}] : [...EXACT, {}]
}

function toOrtOptions(options: SessionOptions, entries: Entries): InferenceSession.SessionOptions {
  const threads = options.threads ?? coresOfSession
  return {
    executionProviders: [...(options.providers ?? ['cpu'])],
    graphOptimizationLevel: options.optimization ?? 'all',
    logSeverityLevel: 4,
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    extra: {
      ...entries,
      session: {
        ...entries.session,
        ...options.config,
        ...(options.spinning === false && { 'intra_op.allow_spinning': '0' }),
      },
    },
    ...(options.profilePrefix && { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    ...(options.optimizedModelPath && { optimizedModelFilePath: options.optimizedModelPath }),
    ...(options.memoryPattern !== undefined && { enableMemPattern: options.memoryPattern }),
    ...(options.arena !== undefined && { enableCpuMemArena: options.arena }),
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** From this size on a model goes to ONNX Runtime by a file: from a buffer it would be in memory twice. */
const OPEN_FROM_FILE = 2 ** 28

function toSource(model: Model | string): { source: string | Uint8Array; discard(): void } {
  if (typeof model === 'string') return { source: model, discard: () => undefined }
  requireRoomForConstants(model)
  if (encodedLength(model) < OPEN_FROM_FILE) return { source: encodeModel(model), discard: () => undefined }
  const folder = temporaryFolder('session')
  const discard = (): void => fs.rmSync(folder, { recursive: true, force: true })
  try {
    return { source: writeModel(model, path.join(folder, 'model.onnx')).files[0]!, discard }
  } catch (cause) {
    discard()
    throw cause
  }
}

const given = ({ outputMetadata }: InferenceSession): string =>
  outputMetadata.map((port) => `${port.name} (${port.isTensor ? port.type : 'not a tensor'})`).join(', ')

/** What ONNX Runtime 1.30 says of a model that it has itself rewritten into what it cannot run. */
const BROKEN_REWRITE = /types are incompatible|Attempt to replace the existing tensor/

async function create(source: string | Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const [first, ...otherwise] = configurations(options)
  const open = (entries: Entries): Promise<InferenceSession> =>
    ort.InferenceSession.create(source as string, toOrtOptions(options, entries))
  let failed = open(first!)
  for (const entries of otherwise)
    failed = failed.catch((cause: unknown) => {
      if (!BROKEN_REWRITE.test(reasonOf(cause))) throw cause
      return open(entries)
    })
  return failed
}

const isList = (fetches: readonly string[] | Values): fetches is readonly string[] => Array.isArray(fetches)

function allToOrt(values: Values): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {}
  for (const name in values) tensors[name] = toOrt(values[name]!)
  return tensors
}

/**
 * Opens a model from memory or from its path. A large one in memory goes through a temporary file, which is
 * gone when the session is released.
 * Throws `model/not-loadable` with ONNX Runtime's reason, and `limit/memory`.
 */
export async function openSession(model: Model | string, options: SessionOptions = {}): Promise<Session> {
  const { source, discard } = toSource(model)
  const file = typeof model === 'string' ? model : model.file
  let inner: InferenceSession
  try {
    inner = await create(source, options)
  } catch (cause) {
    discard()
    throw new PareError('model/not-loadable', { file, reason: reasonOf(cause) }, { cause })
  }
  // What cannot be fetched here is left out; a model that gives some is judged by its other outputs.
  const fetched = inner.outputMetadata.filter((port) => port.isTensor && EXCHANGED.has(port.type))
  const tensors = fetched.map(({ name }) => name)
  const odd = inner.outputMetadata.flatMap((port) =>
    port.isTensor && !EXCHANGED.has(port.type) ? [[port.name, port.type] as const] : [],
  )
  return {
    inputNames: inner.inputNames,
    outputNames: inner.outputNames,
    outputTypes: inner.outputMetadata.map((port) =>
      port.isTensor
        ? { name: port.name, dtype: port.type as DType, dims: port.shape }
        : { name: port.name, dims: [] },
    ),
    // One call a sample on small models: plain loops, for what surrounds a run is measured against it.
    async run(feeds, fetches) {
      const inputs = allToOrt(feeds)
      const wanted = fetches ?? tensors
      if (isList(wanted) && wanted.length === 0)
        throw new PareError('model/no-scores', { outputs: given(inner) })
      for (const [name, type] of odd)
        if (isList(wanted) ? wanted.includes(name) : name in wanted)
          throw new PareError('model/run-failed', {
            file,
            reason: `its value “${name}” is ${type}, which cannot be read here`,
          })
      const places = isList(wanted) ? wanted : allToOrt(wanted)
      const outputs = await inner.run(inputs, places).catch((cause: unknown) => {
        throw new PareError('model/run-failed', { file, reason: reasonOf(cause) }, { cause })
      })
      const values: Values = {}
      for (const name in outputs) values[name] = fromOrt(outputs[name]!)
      return values
    },
    endProfiling: () => inner.endProfiling(),
    async release() {
      await inner.release()
      discard()
    },
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
