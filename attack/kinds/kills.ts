import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { seeded } from '../../src/engine/math/random'
import type { Attack, Finding, Outcome } from '../support/attack'
import { wholeness } from '../support/whole'

const SAMPLE = path.resolve('resources/samples/bearing')
const MODEL = path.join(SAMPLE, 'cnn1d.onnx')
const PASSES = ['--pass', 'simplify', '--pass', 'float16']

interface Command {
  name: string
  /** Built entry that writes: the command line itself, or the engine it starts. */
  entry: 'cli.js' | 'worker.js'
  args(folder: string): string[]
  /** Runs first, unharmed. */
  before?(folder: string): string[]
  /** Goes on after the kill. */
  resume(folder: string): string[]
}

const compress = (folder: string, ...more: string[]): string[] => [
  'compress',
  MODEL,
  '--data',
  path.join(SAMPLE, 'data'),
  ...PASSES,
  '--out',
  path.join(folder, 'small'),
  ...more,
]

const bundle = (folder: string): string[] => [
  'export',
  path.join(folder, 'small', 'model.onnx'),
  '--data',
  path.join(SAMPLE, 'data'),
  '--target',
  'onnx',
  '--out',
  path.join(folder, 'bundle.zip'),
  '--overwrite',
]

const search = (folder: string): string[] => [
  'search',
  MODEL,
  '--data',
  path.join(SAMPLE, 'data'),
  '--minutes',
  '0.2',
  '--out',
  path.join(folder, 'small'),
]

const COMMANDS: readonly Command[] = [
  { name: 'compress', entry: 'worker.js', args: compress, resume: (folder) => compress(folder, '--resume') },
  {
    name: 'compress',
    entry: 'cli.js',
    args: compress,
    resume: (folder) => compress(folder, '--resume'),
  },
  {
    name: 'compress again with another recipe',
    entry: 'worker.js',
    before: (folder) => compress(folder).map((word) => (word === 'float16' ? 'quantize-dynamic' : word)),
    args: compress,
    resume: (folder) => compress(folder, '--resume'),
  },
  { name: 'export', entry: 'worker.js', before: compress, args: bundle, resume: bundle },
  {
    name: 'search',
    entry: 'worker.js',
    args: search,
    resume: (folder) => [...search(folder), '--resume'],
  },
]

function run(
  built: string,
  args: readonly string[],
  env: Record<string, string> = {},
): { status: number | null; output: string } {
  const hook = path.resolve('attack/support/kill-at.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(built, 'cli.js'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env, ...(Object.keys(env).length > 0 && { NODE_OPTIONS: `--import ${hook}` }) },
  })
  return { status, output: `${stdout}${stderr}` }
}

/** Steps of writing a command takes, counted by running it once. */
function stepsOf(built: string, { entry, args, before }: Command, folder: string): number {
  if (before) run(built, before(folder))
  const log = path.join(folder, 'steps.log')
  const { status, output } = run(built, args(folder), { PARE_KILL_LOG: log, PARE_KILL_IN: entry })
  if (status !== 0) throw new Error(`the command does not work even unharmed:\n${output}`)
  return fs.existsSync(log) ? fs.readFileSync(log, 'utf8').trim().split('\n').length : 0
}

function killAt(built: string, command: Command, step: number, folder: string): Outcome {
  const { entry, args, before, resume } = command
  if (before) run(built, before(folder))
  run(built, args(folder), { PARE_KILL_AT: String(step), PARE_KILL_IN: entry })
  const between = wholeness(path.join(folder, 'small'), true)
  if (between) return { verdict: 'lost', detail: `after the kill: ${between}` }
  const again = run(built, resume(folder))
  if (again.status !== 0) return { verdict: 'lost', detail: `cannot go on: ${again.output.slice(-600)}` }
  const after = wholeness(path.join(folder, 'small'), false)
  return after ? { verdict: 'lost', detail: `after going on: ${after}` } : { verdict: 'ok' }
}

export const attack: Attack = {
  about: 'the process killed before and after each write of compress and export: nothing lost, nothing mixed',
  count: 1000,
  async *run({ seed, count, seconds, built }): AsyncIterable<Finding> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    const until = Date.now() + seconds * 1000
    try {
      const points = COMMANDS.flatMap((command, c) => {
        const folder = path.join(root, `count-${c}`)
        fs.mkdirSync(folder)
        const steps = stepsOf(built, command, folder)
        return Array.from({ length: steps }, (_, i) => ({ command, step: i + 1 }))
      })
      const order = seeded(seed).shuffle(points)
      for (const [index, { command, step }] of order.slice(0, count).entries()) {
        if (Date.now() > until) return
        const folder = path.join(root, `kill-${index}`)
        fs.mkdirSync(folder)
        const outcome = killAt(built, command, step, folder)
        fs.rmSync(folder, { recursive: true, force: true })
        yield { case: `${command.name}, ${command.entry}, write point ${step}`, ...outcome }
      }
    } finally {
      fs.rmSync(root, { recursive: true, force: true })
    }
  },
}
