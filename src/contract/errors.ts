/**
 * Every failure a user can meet, as data. An error crosses process borders whole; one table (`messages.ts`)
 * turns it into what happened, where, and what to do.
 */
export interface ErrorFields {
  'model/not-onnx': { file: string; reason: string }
  'model/truncated': { file: string; at: number }
  'model/changed-on-disk': { file: string }
  'model/external-data-missing': { file: string; tensor: string }
  'model/external-data-escapes': { file: string; tensor: string; location: string }
  /** `fused`: it stands for plain operators, which "simplify" writes in its place. */
  'model/unsupported-op': { op: string; domain: string; node: string; by: string; fused?: boolean }
  'model/invalid': { file: string; reason: string }
  'model/not-loadable': { file: string; reason: string }
  'model/run-failed': { file: string; reason: string }
  'model/no-working-input': { file: string; tried: string[]; reason: string }
  'model/no-scores': { outputs: string }
  'model/not-a-tensor': { file: string; input: string }
  'model/opset-too-old': { opset: number; needed: number; op: string; by: string }
  'model/nothing-to-do': { by: string; reason: string }
  'model/non-finite': { tensor: string; by: string }
  'data/not-found': { path: string }
  'data/gone': { path: string }
  'data/unreadable': { path: string; reason: string }
  'data/unrecognised': { path: string; expected: string }
  'data/empty': { path: string }
  'data/shape-mismatch': { input: string; expected: string; got: string }
  'model/not-combinable': { reason: string }
  'data/characters-missing': { output: string; scores: string }
  'data/outputs-unknown': { expected: string; outputs: string }
  'data/labels-out-of-range': { label: string; classes: number }
  'data/labels-missing': { by: string }
  /** `known`: layouts with what they look like. `told`: the one that was named. */
  'data/keypoints-unknown': { outputs: string; keypoints: number; known: string[]; told?: string }
  'data/boxes-unknown': { outputs: string; classes: number; known: string[]; told?: string }
  /** A data spec that is none, or that is for other data. */
  'data/spec': { reason: string }
  /** Columns that could all be the labels, of which the model answers none clearly best. */
  'data/label-unclear': { path: string; columns: string[] }
  'data/one-class': { by: string }
  'data/split-missing': { split: string; by: string }
  'pass/unknown': { pass: string; known: string[] }
  'target/unknown': { target: string; known: string[] }
  /** A module that was to bring passes or targets. */
  'plugin/failed': { plugin: string; reason: string }
  'pass/bad-parameter': { pass: string; parameter: string; reason: string }
  'pass/failed': { pass: string; node: string; reason: string }
  'pass/broke-model': { pass: string; reason: string }
  'recipe/order': { pass: string; after: string }
  'recipe/unknown': { recipe: string; known: string[] }
  'recipe/invalid': { file: string; reason: string }
  /** A result is over limits it was to keep: what, by how much. */
  'limits/missed': { missed: string[] }
  /** Flash and RAM are limited for a target that is no microcontroller. */
  'limits/no-board': { target: string; known: string[] }
  'search/out-of-time': { minutes: number; tried: number }
  'search/nothing-kept': { tried: number; reason: string }
  'run/busy': { folder: string; holder: string; since: string }
  'provider/unavailable': { provider: string; reason: string }
  'engine/crashed': { exit: string; during: string }
  'engine/out-of-memory': { during: string }
  'limit/memory': { what: string; needed: number; budget: number }
  'limit/disk': { what: string; needed: number; budget: number; path: string }
  'disk/full': { path: string; needed: number }
  'disk/denied': { path: string }
  'disk/failed': { path: string; reason: string }
  'app/set-aside': { kind: string; path: string; aside: string; reason: string }
  'app/address-used': Record<never, never>
  'app/connection-lost': Record<never, never>
  /** What says nothing of itself that it could be held against. */
  'bundle/invalid': { path: string; reason: string }
  'bundle/differs': { path: string; reasons: string[] }
  'export/exists': { path: string }
  'export/no-form': { reason: string }
  /** `sample` from 1; `input` empty where the sample as a whole cannot be read. */
  'export/not-embedded': { reason: string }
  'export/not-reproduced': { sample: number; input: string; reason: string }
  'export/at-chance': { score: string; samples: number }
  'not-found': { what: string; id: string }
  'bad-request': { method: string; reason: string }
  cancelled: { during: string }
  internal: { reason: string; stack?: string }
}

export type ErrorCode = keyof ErrorFields

export type ErrorData = { [C in ErrorCode]: { code: C } & ErrorFields[C] }[ErrorCode]

export class PareError<C extends ErrorCode = ErrorCode> extends Error {
  readonly data: ErrorData

  constructor(
    readonly code: C,
    fields: ErrorFields[C],
    options?: ErrorOptions,
  ) {
    super(`${code} ${JSON.stringify(fields)}`, options)
    this.name = 'PareError'
    this.data = { code, ...fields } as unknown as ErrorData
  }
}

/** What Node's errors of the system carry. */
interface SystemError extends Error {
  code?: unknown
  syscall?: unknown
  path?: unknown
}

/**
 * A failed file operation as a PareError, whichever file it was at; what is no fault of the file system, or says
 * already what failed, stays as it is.
 */
export function diskError(cause: unknown, file: string, needed = 0): unknown {
  if (cause instanceof PareError || !(cause instanceof Error) || !('code' in cause)) return cause
  const { code, message } = cause as SystemError
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new PareError('disk/full', { path: file, needed }, { cause })
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new PareError('disk/denied', { path: file }, { cause })
  return new PareError('disk/failed', { path: file, reason: message }, { cause })
}

/** Does something with a file or folder; throws its faults as `disk/full`, `disk/denied` or `disk/failed`. */
export function onDisk<T>(file: string, work: () => T, needed = 0): T {
  try {
    return work()
  } catch (cause) {
    throw diskError(cause, file, needed)
  }
}

/** Calls of the system about files; those about processes and sockets fail for other reasons. */
const FILE_CALL =
  /^(access|chmod|copyfile|fstat|fsync|ftruncate|futime|link|lstat|mkdir|mkdtemp|open|opendir|read|readlink|realpath|rename|rm|rmdir|scandir|stat|symlink|unlink|utime|write)$/
const OF_PIPES = new Set<unknown>(['EPIPE', 'ECONNRESET', 'ENOTCONN', 'EAGAIN'])

/** A fault of the file system that no door it came through has named. */
function fileFault(thrown: Error): PareError | undefined {
  const { syscall, code, path } = thrown as SystemError
  if (typeof syscall !== 'string' || !FILE_CALL.test(syscall) || OF_PIPES.has(code)) return undefined
  const named = diskError(thrown, typeof path === 'string' ? path : '')
  return named instanceof PareError ? named : undefined
}

/** Any thrown thing as error data; what is not ours becomes `internal` with its stack kept for "copy details". */
export function errorData(thrown: unknown): ErrorData {
  if (thrown instanceof PareError) return thrown.data
  if (thrown instanceof Error) {
    if (thrown.name === 'AbortError') return { code: 'cancelled', during: '' }
    const fault = fileFault(thrown)
    if (fault) return fault.data
    return { code: 'internal', reason: thrown.message, stack: thrown.stack }
  }
  return { code: 'internal', reason: String(thrown) }
}

/** The thrown form of error data that came over a border. */
export function toError(data: ErrorData): PareError {
  const { code, ...fields } = data
  return new PareError(code, fields as never)
}
