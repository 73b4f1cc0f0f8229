/** The engine as a utility process of Electron, behind the same small interface as under Node. */
import { utilityProcess } from 'electron'
import {
  engineEnvironment,
  engineHeapMegabytes,
  LogTail,
  type EngineLimits,
  type EngineProcess,
} from '../service/engine-process'

/** `worker` is the built entry of the engine, outside the archive. */
export function forkUtility(worker: string, limits: EngineLimits): EngineProcess {
  const child = utilityProcess.fork(worker, [], {
    serviceName: 'Pare engine',
    stdio: 'pipe',
    // Where packages of plug-ins are looked for.
    cwd: process.cwd(),
    env: engineEnvironment(limits),
    execArgv: [`--max-old-space-size=${engineHeapMegabytes()}`],
  })
  const log = new LogTail()
  child.stdout?.on('data', (chunk) => log.add(chunk))
  child.stderr?.on('data', (chunk) => log.add(chunk))
  return {
    post: (message) => child.postMessage(message),
    onMessage: (listener) => void child.on('message', listener),
    // Electron tells a kill only as an exit code; the signal's name is not to be had.
    onExit: (listener) =>
      void child.once('exit', (code) => listener({ code, signal: null, log: String(log) })),
    kill: () => {
      // SIGTERM, which `kill()` sends, waits for the thread ONNX Runtime blocks.
      if (child.pid === undefined) return void child.kill()
      try {
        process.kill(child.pid, 'SIGKILL')
      } catch (cause) {
        // It has ended by itself, and says so by its exit.
        if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
      }
    },
  }
}
