/** The `pare` command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 over the limits, 130 cancelled. */
import { Command, CommanderError } from 'commander'
import path from 'node:path'
import { version } from '../../package.json'
import { errorData, type ErrorCode, type ErrorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import { forkEngine } from '../service'
import { COMMANDS } from './commands'
import { examples } from './command'
import { printErrorDocument } from './document'
import { printError, type LogLevel, type ProgressStyle } from './output'
import { Session } from './session'

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
interface GlobalOptions {
  memory?: number
  progress?: ProgressStyle
  strict?: boolean
  logLevel?: LogLevel
  logFile?: string
  plugin?: string[]
}

let strict = false
program.hook('preAction', (_, command) => {
  const options = command.opts<GlobalOptions>()
  const { memory, progress, logLevel = 'info', logFile } = options
  strict = options.strict ?? false
  session.level = logLevel
  session.plugins = options.plugin
  session.log.write(`pare ${process.argv.slice(2).join(' ')}`)
  if (logFile !== undefined) session.log.open(logFile)
  session.memory = memory && memory * 2 ** 20
  session.progress.style = progress ?? 'text'
  session.progress.silent = logLevel === 'error' || logLevel === 'warning'
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
    const told = error.code === 'limits/missed' || error.code === 'bundle/differs'
    session.log.write(`failed: ${JSON.stringify(error)}`)
    if (!told) printFailure(error)
    printError(error)
    return error.code === 'cancelled'
      ? 130
      : error.code === 'limits/missed'
        ? 3
        : USAGE.has(error.code)
          ? 2
          : 1
  } finally {
    session.close()
  }
}

process.exitCode = await main()
