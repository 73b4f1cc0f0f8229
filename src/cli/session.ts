/** One command's engine: started on demand, killed on Ctrl-C, gone at the end. */
import type { Doubt } from '../contract/dataset'
import type { EngineLimits, EngineProcess, JobEvent, JobInput, JobName, JobOutput } from '../service'
import { EngineHost } from '../service'
import type { Work } from '../library/work'
import { ProgressLine, type LogLevel } from './output'
import { RunLog } from './run-log'

export interface CommonOptions {
  json?: boolean
  threads?: number
  provider?: string
}

export class Session implements Work {
  readonly progress = new ProgressLine()
  readonly log = new RunLog()
  level: LogLevel = 'info'
  /** A doubt is an error, and is told as one. */
  strict = false
  private readonly controller = new AbortController()
  private readonly host: EngineHost

  /** What `--memory` says, in bytes; half of what is free, and 512 MiB at least, without it. */
  memory: number | undefined

  /** Modules with passes, targets, encodings and tasks of their own. */
  plugins: readonly string[] | undefined

  /** Reasons there were to doubt what is measured on the data. */
  readonly doubts: Doubt[] = []

  /** The data that the command has read last, and the model it was read for. */
  read: JobInput<'describeData'> | undefined

  constructor(start: (limits: EngineLimits) => EngineProcess) {
    this.host = new EngineHost((memory = this.memory) => start({ memory, plugins: this.plugins }))
    // Not only once: npm and the terminal may both send it, and a second one must not end this without a word.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.controller.abort())
  }

  async run<J extends JobName>(
    job: J,
    input: JobInput<J>,
    during: string,
    onEvent: (event: JobEvent) => void = () => undefined,
  ): Promise<JobOutput<J>> {
    const { signal } = this.controller
    const begun = Date.now()
    let doing = ''
    this.debug(`${job}: ${during}`)
    try {
      return await this.host.run(job, input, {
        during,
        signal,
        onEvent: (event) => {
          if (event.event !== 'progress') return onEvent(event)
          this.progress.update(event.data)
          // Counts change all the time.
          const kind = event.data.doing.replace(/\d+/g, '')
          if (kind !== doing) this.log.write(`  ${event.data.doing}`)
          doing = kind
        },
      })
    } finally {
      this.progress.clear()
      this.debug(`${job}: ended after ${((Date.now() - begun) / 1000).toFixed(2)} s`)
    }
  }

  /** A sentence to know, on stderr and in the log. */
  say(text: string): void {
    this.log.write(text)
    if (this.level === 'info' || this.level === 'debug') this.progress.say(text)
  }

  /** Says each, also where no progress is told, and remembers them for `--strict`. */
  doubt(doubts: readonly Doubt[]): void {
    this.doubts.push(...doubts)
    for (const { message } of doubts) {
      this.log.write(`Warning: ${message}`)
      if (this.level !== 'error' || this.strict) this.progress.warn(`Warning: ${message}`)
    }
  }

  private debug(text: string): void {
    this.log.write(text)
    if (this.level === 'debug') this.progress.say(text)
  }

  close(): void {
    this.progress.clear()
    this.host.close()
  }
}

/** What `--data` and its companions say; nothing means random inputs. */
export interface DataOptions {
  data?: string
  tokenizer?: string
  strict?: boolean
}
