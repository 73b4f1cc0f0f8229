/** The `pare` command: a line of words in, an exit code out. 0 done, 1 failed, 2 wrong usage, 3 over the limits, 130 cancelled. */
import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import { errorData, type ErrorCode, type ErrorData } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import type { EngineLimits, EngineProcess } from '../service'
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

interface GlobalOptions {
  memory?: number
  progress?: ProgressStyle
  strict?: boolean
  logLevel?: LogLevel
  logFile?: string
  plugin?: string[]
}

/** What the command stands on: Node and its package, or the desktop app. */
interface Ground {
  start(limits: EngineLimits): EngineProcess
  resourcesDir: string
  openWindow(): Promise<void>
}

/** `words`: what was typed after `pare`. To be called once a process. */
export async function runCommand(words: readonly string[], ground: Ground): Promise<number> {
  const session = new Session(ground.start)
  const program = programOf(session, ground)
  program.hook('preAction', (_, command) => {
    const options = command.opts<GlobalOptions>()
    session.log.write(`pare ${words.join(' ')}`)
    configure(session, options)
  })

  // Whoever reads along may leave: what is being made is made all the same.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EPIPE') return
      if (stream === process.stdout) printError(errorData(cause))
      session.close()
      process.exit(1)
    })

  const printFailure = (error: ErrorData): void => {
    if (words.includes('--json')) printErrorDocument({ ...error, message: errorMessage(error) })
  }
  try {
    await program.parseAsync([...words], { from: 'user' })
    return session.strict && session.doubts.length > 0 ? 1 : 0
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return 0
      // Commander has printed its own message, but for what an action refuses.
      if (thrown.code === 'commander.invalidArgument' && !thrown.message.startsWith('error:'))
        process.stderr.write(`pare: ${thrown.message}\n`)
      const reason = thrown.message.replace(/^error: /, '')
      printFailure({ code: 'bad-request', method: words[0] ?? 'pare', reason })
      return 2
    }
    const error = errorData(thrown)
    session.progress.clear()
    // What is over the limits has been printed whole.
    const told = error.code === 'limits/missed' || error.code === 'bundle/differs'
    session.log.write(`failed: ${JSON.stringify(error)}`)
    if (!told) printFailure(error)
    printError(error)
    return exitCodeOf(error)
  } finally {
    session.close()
  }
}

function programOf(session: Session, { resourcesDir, openWindow }: Ground): Command {
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
  for (const add of COMMANDS) add(program, { session, resourcesDir, openWindow })
  for (const command of [program, ...program.commands]) command.exitOverride()
  return program
}

function configure(
  session: Session,
  { memory, progress, strict = false, logLevel = 'info', logFile, plugin }: GlobalOptions,
): void {
  session.level = logLevel
  session.strict = strict
  session.plugins = plugin
  if (logFile !== undefined) session.log.open(logFile)
  session.memory = memory && memory * 2 ** 20
  session.progress.style = progress ?? 'text'
  session.progress.silent = logLevel === 'error' || logLevel === 'warning'
}

function exitCodeOf({ code }: ErrorData): number {
  if (code === 'cancelled') return 130
  if (code === 'limits/missed') return 3
  return USAGE.has(code) ? 2 : 1
}
