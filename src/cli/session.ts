/** One command's engine: started on demand, killed on Ctrl-C, gone at the end. */
import type { EngineLimits, EngineProcess, JobEvent, JobInput, JobName, JobOutput } from '../service'
import { EngineHost } from '../service'
import { ProgressLine } from './output'

export interface CommonOptions {
  json?: boolean
  threads?: number
  provider?: string
}

export class Session {
  readonly progress = new ProgressLine()
  private readonly controller = new AbortController()
  private readonly host: EngineHost

  /** What `--memory` says, in bytes; half of what is free, and 512 MiB at least, without it. */
  memory: number | undefined

  /** How many reasons there were to doubt what is measured on the data. */
  doubts = 0

  /** The data that the command has read last, and the model it was read for. */
  read: JobInput<'describeData'> | undefined

  constructor(start: (limits: EngineLimits) => EngineProcess) {
    this.host = new EngineHost(() => start({ memory: this.memory }))
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
    try {
      return await this.host.run(job, input, {
        during,
        signal,
        onEvent: (event) => {
          if (event.event === 'progress') this.progress.update(event.data)
          else onEvent(event)
        },
      })
    } finally {
      this.progress.clear()
    }
  }

  close(): void {
    this.progress.clear()
    this.host.close()
  }
}

export const engineSettings = ({ provider = 'cpu', threads = 0 }: CommonOptions) => ({
  providers: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
  threads,
})

/** What `--data` and its companions say; nothing means random inputs. */
export interface DataOptions {
  data?: string
  tokenizer?: string
  strict?: boolean
}

export const WITHOUT_DATA =
  'No data was given: inputs are random, and only the likeness to the original is measured. Give --data for quality.'
