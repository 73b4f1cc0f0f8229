/** The engine as a child process. Electron's shell brings its own implementation over `utilityProcess`. */
import { fork } from 'node:child_process'
import os from 'node:os'
import { TELEMETRY_OFF } from '../contract/telemetry'

export interface EngineExit {
  code: number | null
  /** 'SIGKILL' and the like; null where the platform tells none. */
  signal: string | null
  /** The end of what it wrote to stderr. */
  log: string
}

export interface EngineProcess {
  /** Absent where it could not be started, or the shell does not tell. */
  readonly pid?: number
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** Called once, also when the process could not be started. */
  onExit(listener: (exit: EngineExit) => void): void
  /** Ends it at once, whatever it is doing. */
  kill(): void
}

const LOG_KEPT = 8192

/** Half the memory, at most 8 GB: weights live outside this heap, so more would only delay an honest failure. */
export const engineHeapMegabytes = (): number =>
  Math.max(512, Math.min(8192, Math.floor(os.totalmem() / 2 / 2 ** 20)))

export interface EngineLimits {
  /** Bytes the engine may use; half of what is free by default. */
  memory?: number
  /** Modules of others (plug-ins): absolute paths, or names of packages. */
  plugins?: readonly string[]
  /** One that cannot be loaded is told by the job `plugins` and fails no other. */
  pluginsMayFail?: boolean
}

/** The engine loads ONNX Runtime, which must not find its telemetry on even before a line of ours has run. */
export const engineEnvironment = ({ memory, plugins, pluginsMayFail }: EngineLimits): NodeJS.ProcessEnv => ({
  ...process.env,
  ...TELEMETRY_OFF,
  ...(memory && { PARE_MEMORY: String(memory) }),
  ...(plugins && { PARE_PLUGINS: JSON.stringify(plugins) }),
  ...(pluginsMayFail && { PARE_PLUGINS_MAY_FAIL: '1' }),
})

/** Keeps the last characters written, for telling why a process ended. */
export class LogTail {
  private text = ''

  add(chunk: unknown): void {
    this.text = (this.text + String(chunk)).slice(-LOG_KEPT)
  }

  toString(): string {
    return this.text
  }
}

/** `worker` is the built entry of the engine. */
export function forkEngine(worker: string, limits: EngineLimits = {}): EngineProcess {
  const child = fork(worker, [], {
    env: engineEnvironment(limits),
    execArgv: [`--max-old-space-size=${engineHeapMegabytes()}`],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const log = new LogTail()
  child.stdout?.on('data', (chunk) => log.add(chunk))
  child.stderr?.on('data', (chunk) => log.add(chunk))
  let ended = false
  return {
    pid: child.pid,
    post: (message) => {
      // A process that is ending reports that by its exit; a failed send says nothing more.
      if (child.connected) child.send(message as object, () => undefined)
    },
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => {
      const once = (code: number | null, signal: string | null): void => {
        if (ended) return
        ended = true
        listener({ code, signal, log: String(log) })
      }
      // 'close' comes after the last of stderr was read, which says why.
      child.on('close', once)
      child.on('error', (cause) => {
        log.add(cause.message)
        if (child.pid === undefined) once(null, null)
      })
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
