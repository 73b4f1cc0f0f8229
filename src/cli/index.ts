/** The `pare` command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 over the limits, 130 cancelled. */
import { Command, CommanderError } from 'commander'
import path from 'node:path'
import { version } from '../../package.json'
import { errorData, type ErrorCode, type ErrorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { forkEngine } from '../service'
import { addCompare } from './commands/compare'
import { addCompletion } from './commands/completion'
import { addCompress } from './commands/compress'
import { addData } from './commands/data'
import { addEvaluate } from './commands/evaluate'
import { addExport } from './commands/export'
import { addInspect } from './commands/inspect'
import { addPasses } from './commands/passes'
import { addPresets } from './commands/presets'
import { addSample } from './commands/sample'
import { addSearch } from './commands/search'
import { addSensitivity } from './commands/sensitivity'
import { addTargets } from './commands/targets'
import { addWindow } from './commands/window'
import { examples } from './command'
import { printErrorDocument } from './document'
import { printError, type ProgressStyle } from './output'
import { Session } from './session'

const COMMANDS = [
  addInspect,
  addPasses,
  addPresets,
  addTargets,
  addData,
  addEvaluate,
  addCompress,
  addCompare,
  addExport,
  addSearch,
  addSensitivity,
  addSample,
  addWindow,
  addCompletion,
]

/** What was asked for cannot be: the words are wrong, not the model or the machine. */
const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'pass/unknown',
  'recipe/unknown',
  'pass/bad-parameter',
  'target/unknown',
  'bad-request',
])

const here = import.meta.dirname
const session = new Session((limits) => forkEngine(path.join(here, 'worker.js'), limits))
const resourcesDir = path.resolve(here, '../../resources')

const program = new Command('pare')
  .description('Make neural networks small enough to ship, on your own machine, with proof.')
  .version(version)
  .showHelpAfterError('(pare COMMAND --help tells more)')
  .addHelpText(
    'after',
    examples(
      'pare inspect model.onnx',
      'pare compress model.onnx --data digits/ --recipe balanced --out small/',
      'pare export small/model.onnx --target android --out bundle.zip',
    ),
  )
for (const add of COMMANDS) add(program, { session, resourcesDir })
for (const command of [program, ...program.commands]) command.exitOverride()
let strict = false
program.hook('preAction', (_, command) => {
  const options = command.opts<{ memory?: number; progress?: ProgressStyle; strict?: boolean }>()
  const { memory, progress } = options
  strict = options.strict ?? false
  session.memory = memory && memory * 2 ** 20
  session.progress.style = progress ?? 'text'
})

// Whoever reads along may leave: what is being made is made all the same.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EPIPE') return
    if (stream === process.stdout) printError(errorData(cause))
    session.close()
    process.exit(1)
  })

function printFailure(error: ErrorData): void {
  if (process.argv.includes('--json')) printErrorDocument({ ...error, message: errorMessage(error) })
}

async function main(): Promise<number> {
  try {
    await program.parseAsync()
    return strict && session.doubts > 0 ? 1 : 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return 0
      // Commander has printed its own message, but for what an action refuses.
      if (thrown.code === 'commander.invalidArgument' && !thrown.message.startsWith('error:'))
        process.stderr.write(`pare: ${thrown.message}\n`)
      const reason = thrown.message.replace(/^error: /, '')
      printFailure({ code: 'bad-request', method: process.argv[2] ?? 'pare', reason })
      return 2
    }
    const error = errorData(thrown)
    session.progress.clear()
    // What is over the limits has been printed whole.
    const told = error.code === 'limits/missed'
    if (!told) printFailure(error)
    printError(error)
    return error.code === 'cancelled' ? 130 : told ? 3 : USAGE.has(error.code) ? 2 : 1
  } finally {
    session.close()
  }
}

process.exitCode = await main()
