import path from 'node:path'
import { changeText } from '../../contract/verdict'
import {
  absolute,
  examples,
  targetOption,
  withDataOptions,
  withEngineOptions,
  type AddCommand,
} from '../command'
import { writeText } from '../../service'
import { print, printJson } from '../output'
import { preparedData } from '../prepared'
import { notesOf, reportTable } from '../report-table'
import type { SpecOptions } from '../data-spec'
import { engineSettings, type CommonOptions, type DataOptions } from '../session'

export const addCompare: AddCommand = (program, { session }) => {
  const command = program
    .command('compare')
    .description('measure two models on the same samples, interleaved in one process')
    .argument('<original>', 'an ONNX file', absolute)
    .argument('<candidate>', 'an ONNX file', absolute)
    .option('--html <file>', 'write the comparison as one self-contained page', absolute)
    .addOption(targetOption())
  withEngineOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare compare model.onnx small.onnx --data digits/',
        'pare compare model.onnx small.onnx --data digits/ --html report.html',
      ),
    )
    .action(
      async (
        original: string,
        candidate: string,
        options: CommonOptions & DataOptions & SpecOptions & { html?: string; target?: string },
      ) => {
        const name = path.basename(candidate)
        const input = {
          model: original,
          data: await preparedData(session, [original, candidate], options),
          settings: engineSettings(options),
          candidates: [{ name, model: candidate }],
          target: options.target,
        }
        const measured = await session.run('compare', input, 'comparing')
        const report = measured.candidates[0]!
        if (options.html !== undefined) {
          const page = {
            title: path.basename(original),
            original: measured.original,
            candidates: [{ name, report }],
          }
          writeText(options.html, await session.run('htmlReport', page, 'writing the report'))
        }
        if (options.json)
          return printJson({
            original: measured.original,
            candidate: report,
            ...(options.html && { files: [options.html] }),
          })
        print(
          reportTable([
            { name: 'original', report: measured.original },
            { name, report },
          ]),
        )
        print(`\n${changeText(measured.original, report)}`)
        for (const note of notesOf([report])) print(`- ${note}`)
      },
    )
}
