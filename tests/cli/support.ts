/** Commands in this process, with an engine that answers as the test says. */
import { Command } from 'commander'
import { afterEach, vi } from 'vitest'
import type { AddCommand } from '../../src/cli/command'
import { Session } from '../../src/cli/session'
import type { JobContext, JobHandlers } from '../../src/engine/jobs/job'
import type { JobInput, JobName, JobOutput } from '../../src/service'
import { engineHere } from '../engine-here'

export type Script = {
  [J in JobName]?: (input: JobInput<J>, context: JobContext) => JobOutput<J>
}

let script: Script = {}
let asked: { job: JobName; input: unknown }[] = []

const handlers = new Proxy(
  {},
  {
    get: (_, job: JobName) => (input: never, context: JobContext) => {
      asked.push({ job, input })
      const answer = script[job] as ((input: unknown, context: JobContext) => unknown) | undefined
      if (!answer) throw new Error(`the test has no answer to ${job}`)
      return answer(input, context)
    },
  },
) as JobHandlers
const session = new Session(() => engineHere(handlers))

afterEach(() => vi.restoreAllMocks())

export interface Said {
  out: string
  err: string
  /** What the engine was asked, in order. */
  jobs: JobName[]
  input<J extends JobName>(job: J): JobInput<J>
}

/** Rejects with what the command throws; what it had printed until then is in `said`. */
export async function run(
  add: AddCommand,
  args: string[],
  answers: Script,
  said = { out: '', err: '' },
): Promise<Said> {
  script = answers
  asked = []
  const listen = (to: keyof typeof said) => (text: unknown) => {
    said[to] += String(text)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(listen('out'))
  vi.spyOn(process.stderr, 'write').mockImplementation(listen('err'))
  const program = new Command('pare')
  add(program, { session, resourcesDir: 'resources' })
  for (const command of [program, ...program.commands]) command.exitOverride()
  try {
    await program.parseAsync(args, { from: 'user' })
  } finally {
    vi.restoreAllMocks()
  }
  return {
    ...said,
    jobs: asked.map(({ job }) => job),
    input: (job) => asked.findLast((one) => one.job === job)!.input as never,
  }
}
