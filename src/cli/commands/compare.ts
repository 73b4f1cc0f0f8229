import path from 'node:path'
import {
  absolute,
  examples,
  markdownOption,
  targetOption,
  withDataOptions,
  withEngineOptions,
  type AddCommand,
} from '../command'
import { writeText } from '../../service'
import { print } from '../output'
import { printDocument } from '../document'
import { preparedData } from '../prepared'
import { comparisonMarkdown, comparisonText } from '../report-table'
import type { SpecOptions } from '../data-spec'
import { checkLimits, judgeReports, requireLimits, withLimitOptions, type LimitOptions } from '../limits'
import { engineSettings, type CommonOptions, type DataOptions } from '../session'

interface CompareOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  markdown?: string
  html?: string
  target?: string
}

export const addCompare: AddCommand = (program, { session }) => {
  const command = program
    .command('compare')
    .description('measure two models on the same samples, interleaved in one process')
    .argument('<original>', 'an ONNX file', absolute)
    .argument('<candidate>', 'an ONNX file', absolute)
    .option('--html <file>', 'write the comparison as one self-contained page', absolute)
    .addOption(targetOption())
    .addOption(markdownOption())
  withEngineOptions(withDataOptions(withLimitOptions(command)))
    .addHelpText(
      'after',
      examples(
        'pare compare model.onnx small.onnx --data digits/',
        'pare compare model.onnx small.onnx --data digits/ --html report.html',
        'pare compare model.onnx small.onnx --data digits/ --max-drop 0.5 --max-bytes 25% --max-latency 0.8x',
      ),
    )
    .action(async (original: string, candidate: string, options: CompareOptions) => {
      checkLimits(options)
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
      const judged = judgeReports(options, report, measured.original)
      const column = { name, report }
      if (options.markdown !== undefined)
        writeText(options.markdown, comparisonMarkdown(measured.original, column, judged))
      if (options.json) {
        await printDocument(session, 'comparison', {
          original: measured.original,
          candidate: report,
          ...(options.html && { files: [options.html] }),
          ...judged,
        })
        return requireLimits(judged)
      }
      print(comparisonText(measured.original, column))
      requireLimits(judged)
    })
}
