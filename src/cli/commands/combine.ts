import { InvalidArgumentError, Option } from 'commander'
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import { COMBINE_BY, type CombineBy } from '../../contract/combine'
import { absolute, examples, withEngineOptions, type AddCommand } from '../command'
import { ratioOption } from '../data-spec'
import { printDocument } from '../document'
import { print } from '../output'

interface CombineFlags {
  by: CombineBy
  weights?: number[]
  outputs?: string[]
  name?: string
  out: string
  json?: boolean
}

const list = (text: string): string[] => {
  const names = text.split(',').map((item) => item.trim())
  if (names.some((name) => name === '')) throw new InvalidArgumentError('It must be names parted by commas.')
  return names
}

export const addCombine: AddCommand = (program, { session }) => {
  const command = program
    .command('combine')
    .description('join scores of several outputs or models into one in the graph, as one condition to judge')
    .argument('<models...>', 'ONNX files', (text: string, before: string[] = []) => [
      ...before,
      absolute(text),
    ])
    .addOption(
      new Option('--by <how>', 'the least, the largest, the mean or the weighted sum')
        .choices(COMBINE_BY)
        .makeOptionMandatory(),
    )
    .option('--weights <number,…>', 'of a sum, in the order of models and their outputs', (text: string) =>
      list(text).map(ratioOption),
    )
    .option('--outputs <name,…>', 'which outputs; default: all of one number a sample', list)
    .option('--name <name>', 'what the one output is called', 'condition')
    .requiredOption('--out <file>', 'the ONNX file to write', absolute)
  withEngineOptions(command)
    .addHelpText(
      'after',
      examples(
        'pare combine bearing.onnx motor.onnx --by max --out machine.onnx',
        'pare combine machine.onnx --by sum --weights 0.7,0.3 --outputs hot,loud --out condition.onnx',
      ),
    )
    .action(async (models: string[], { json, out, ...options }: CombineFlags) => {
      if (models.some((model) => path.resolve(model) === out) || fs.existsSync(out))
        throw new PareError('export/exists', { path: out })
      await session.run('combine', { models, out, ...options }, 'joining the scores')
      const inspection = await session.run('inspect', { model: out }, 'reading the model')
      if (json) await printDocument(session, 'inspection', inspection)
      else print(`${out}: ${inspection.outputs.map(({ name }) => name).join(', ')}`)
    })
}
