/** Commands in this process, with an engine that answers as the test says. */
import { Command } from 'commander'
import { afterEach, expect, vi } from 'vitest'
import type { AddCommand } from '../../src/cli/command'
import { Session } from '../../src/cli/session'
import { DOCUMENTS, schemaId, type DocumentKind } from '../../src/contract/documents'
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
      // Every document says what it was made of; few tests have anything to say of that.
      if (job === 'describeData' && !script.describeData) return { fingerprint: 'sha256:0', spec: {} }
      asked.push({ job, input })
      const answer = script[job] as ((input: unknown, context: JobContext) => unknown) | undefined
      if (!answer) throw new Error(`the test has no answer to ${job}`)
      return answer(input, context)
    },
  },
) as JobHandlers
const session = new Session(() => engineHere(handlers))

afterEach(() => vi.restoreAllMocks())

/** What is printed as JSON is as its schema says. */
export function checkDocument(text: string): void {
  const { schema, ...rest } = JSON.parse(text) as { schema: string }
  const kind = (Object.keys(DOCUMENTS) as DocumentKind[]).find((one) => schemaId(one) === schema)
  expect(kind, `a document of schema ${schema}`).toBeDefined()
  expect(DOCUMENTS[kind!].safeParse({ schema, ...rest }).error?.issues ?? []).toEqual([])
}

interface Said {
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
  session.read = undefined
  session.doubts.length = 0
  asked = []
  const listen = (to: keyof typeof said) => (text: unknown) => {
    said[to] += String(text)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(listen('out'))
  vi.spyOn(process.stderr, 'write').mockImplementation(listen('err'))
  const program = new Command('pare')
  add(program, { session, resourcesDir: 'resources', openWindow: () => Promise.resolve() })
  for (const command of [program, ...program.commands]) command.exitOverride()
  try {
    await program.parseAsync(args, { from: 'user' })
  } finally {
    vi.restoreAllMocks()
  }
  if (said.out.startsWith('{')) checkDocument(said.out)
  return {
    ...said,
    jobs: asked.map(({ job }) => job),
    input: (job) => asked.findLast((one) => one.job === job)!.input as never,
  }
}
