/** Command lines of the project's own tools: `--help`, and what they do not know, end in their usage and no stack. */
import { parseArgs, type ParseArgsConfig } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

/** Ends the process with the sentence and the usage. */
export function refuse(reason: string, usage: string): never {
  console.error(`${reason}\n${usage}`)
  process.exit(2)
}

/** Options and other words of the command line; does not come back from `--help`. */
export function commandLine<const T extends Options>(usage: string, options: T) {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    return parseArgs({ allowPositionals: true, options })
  } catch (cause) {
    return refuse((cause as Error).message, usage)
  }
}

/** The value of an option that is a number from 0 on. */
export function numberOf(name: string, text: string, usage: string): number {
  const value = Number(text)
  return text.trim() !== '' && value >= 0 ? value : refuse(`--${name} is a number, not “${text}”.`, usage)
}
