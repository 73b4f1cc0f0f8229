/** What every command is given, and the options they share. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import fs from 'node:fs'
import path from 'node:path'
import { MOST_THREADS } from '../contract/app'
import { moduleOf } from '../library/pare'
import { withSpecOptions } from './data-spec'
import { LOG_LEVELS, PROGRESS } from './output'
import type { Session } from './session'

interface CliContext {
  /** The engine of this command. */
  session: Session
  resourcesDir: string
  openWindow(): Promise<void>
}

export type AddCommand = (program: Command, context: CliContext) => void

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('It must be a whole number, 0 or more.')
  return value
}

function threadCount(text: string): number {
  const value = wholeNumber(text)
  if (value > MOST_THREADS) throw new InvalidArgumentError(`It must be ${MOST_THREADS} at most.`)
  return value
}

export const absolute = (text: string): string => path.resolve(text)

/** Of a folder that compressing wrote, the model in it. */
export function modelFile(text: string): string {
  const at = absolute(text)
  const inside = path.join(at, 'model.onnx')
  return fs.existsSync(inside) ? inside : at
}

export const seedOption = (): Option =>
  new Option('--seed <n>', 'of what is drawn at random while compressing').argParser(wholeNumber).default(0)

export const overwriteOption = (what: string): Option =>
  new Option('--overwrite', `replace an earlier ${what} of that name`)

/** Of every command that asks an engine. */
export function withEngineOptions(command: Command): Command {
  return command
    .addOption(new Option('--json', 'print exactly one JSON document on stdout; progress goes to stderr'))
    .addOption(
      new Option('--progress <style>', 'how progress is told on stderr; json: one document a line')
        .choices(PROGRESS)
        .default('text'),
    )
    .addOption(new Option('-q, --quiet', 'the same as --progress none').implies({ progress: 'none' }))
    .addOption(
      new Option('--log-level <level>', 'what is told on stderr; below info no progress either')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .addOption(new Option('--log-file <file>', 'what is told goes here too, with times').argParser(absolute))
    .addOption(
      new Option(
        '--plugin <module>',
        'a file, folder or package with passes, targets, encodings and tasks; several times',
      ).argParser((text: string, all: readonly string[] = []) => [...all, moduleOf(text)]),
    )
    .addOption(
      new Option('--memory <MB>', 'memory a job may take; 0 = half of what is free, and 512 at least')
        .argParser(wholeNumber)
        .default(0),
    )
}

/** Of those that run models to measure or compress them. */
export const withRuntimeOptions = (command: Command): Command =>
  withEngineOptions(command)
    .addOption(
      new Option('--threads <n>', 'threads within an operator; 0 = all cores')
        .argParser(threadCount)
        .default(0),
    )
    .addOption(new Option('--provider <id>', 'what runs the model: cpu, webgpu, dml, coreml').default('cpu'))

export function withDataOptions(command: Command): Command {
  command
    .option(
      '--data <path>',
      'labelled data: an image folder, NPZ, CSV, Parquet, JSONL or WAV; without it inputs are random',
      absolute,
    )
    .option('--strict', 'exit with 1 where there is reason to doubt what is measured on the data')
    .option('--tokenizer <file>', 'tokenizer.json for text, where it does not lie beside the data', absolute)
  return withSpecOptions(command)
}

/** What the result is for; the engine knows which targets there are and names them where there is no such one. */
export const targetOption = (): Option =>
  new Option('--target <name>', 'where it shall run, such as android-cpu or ios; `pare targets` lists them')

export const markdownOption = (): Option =>
  new Option(
    '--markdown <file>',
    'write the comparison as a table for a pull request or a job summary',
  ).argParser(absolute)

export const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`
