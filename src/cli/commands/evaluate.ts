import { Option } from 'commander'
import { SPLITS, type SplitName } from '../../contract/dataset'
import { absolute, examples, withDataOptions, withEngineOptions, type AddCommand } from '../command'
import { print, printJson } from '../output'
import { preparedData } from '../prepared'
import { notesOf, reportTable } from '../report-table'
import type { SpecOptions } from '../data-spec'
import { engineSettings, type CommonOptions, type DataOptions } from '../session'

export const addEvaluate: AddCommand = (program, { session }) => {
  const command = program
    .command('evaluate')
    .description('measure a model: quality with its interval, latency, memory, sizes, energy estimate')
    .argument('<model>', 'an ONNX file', absolute)
    .addOption(new Option('--split <name>', 'which samples').choices(SPLITS).default('validation'))
  withEngineOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare evaluate model.onnx --data digits/',
        'pare evaluate model.onnx --data digits/ --split training --json',
      ),
    )
    .action(
      async (model: string, options: CommonOptions & DataOptions & SpecOptions & { split: SplitName }) => {
        const input = {
          model,
          data: await preparedData(session, model, options),
          settings: engineSettings(options),
          split: options.split,
        }
        const report = await session.run('evaluate', input, 'measuring')
        if (options.json) return printJson(report)
        print(reportTable([{ name: '', report }]))
        for (const note of notesOf([report])) print(`- ${note}`)
      },
    )
}
