/** Engine processes under attack, each with a limit of time and memory. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../src/contract/errors'
import { EngineHost, forkEngine, type EngineProcess } from '../../src/service'
import { verdictOf, type Outcome } from './attack'

/** A job that takes longer than this alone on a core hangs. */
const LONGEST_MS = 20_000

/** Most memory the process ever had, in bytes; undefined where the system does not tell. Source: proc(5), VmHWM. */
function peakOf(pid: number): number | undefined {
  try {
    const found = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found ? Number(found[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}

export class Target {
  private process: EngineProcess | undefined
  private host: EngineHost

  constructor(
    private readonly built: string,
    private readonly memory: number,
  ) {
    this.host = this.fresh()
  }

  private fresh(): EngineHost {
    return new EngineHost(() => {
      this.process = forkEngine(path.join(this.built, 'worker.js'), { memory: this.memory })
      return this.process
    })
  }

  get pid(): number | undefined {
    return this.process?.pid
  }

  /** Runs what `work` asks of the engine, and says what became of it. */
  async outcome(work: (run: EngineHost['run']) => Promise<unknown>): Promise<Outcome> {
    const started = Date.now()
    const signal = AbortSignal.timeout(LONGEST_MS)
    try {
      await work((job, input, options) => this.host.run(job, input, { ...options, signal }))
    } catch (thrown) {
      if (signal.aborted) return { verdict: 'hang', detail: `no answer in ${Date.now() - started} ms` }
      if (thrown instanceof PareError) return verdictOf(thrown.data)
      return { verdict: 'internal', detail: String((thrown as Error).stack ?? thrown) }
    }
    const peak = this.pid === undefined ? undefined : peakOf(this.pid)
    if (peak === undefined || peak <= this.memory) return { verdict: 'ok' }
    this.restart()
    return { verdict: 'memory', detail: `${Math.round(peak / 2 ** 20)} MiB` }
  }

  restart(): void {
    this.host.close()
    this.host = this.fresh()
  }

  close(): void {
    this.host.close()
  }
}
