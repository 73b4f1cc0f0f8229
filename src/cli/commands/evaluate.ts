import { Option } from 'commander'
import path from 'node:path'
import { SPLITS, type SplitName } from '../../contract/dataset'
import type { Report } from '../../contract/report'
import {
  modelFile,
  examples,
  targetOption,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { notesText } from '../../contract/verdict'
import { print } from '../output'
import { printDocument } from '../document'
import { preparedData } from '../prepared'
import { reportTable } from '../report-table'
import type { SpecOptions } from '../data-spec'
import {
  checkBoard,
  checkLimits,
  judgeReports,
  limitsBoard,
  needOriginal,
  requireLimits,
  withLimitOptions,
  type LimitOptions,
} from '../limits'
import { originalFor, originalOption } from '../original'
import { engineSettings } from '../../library/work'
import { type CommonOptions, type DataOptions } from '../session'

interface EvaluateOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  target?: string
  split: SplitName
  original?: string
}

export const addEvaluate: AddCommand = (program, { session }) => {
  const command = program
    .command('evaluate')
    .description('measure a model: quality with its interval, latency, memory, sizes, energy estimate')
    .argument('<model>', 'an ONNX file, or a folder that compressing wrote', modelFile)
    .addOption(new Option('--split <name>', 'which samples').choices(SPLITS).default('validation'))
    .addOption(originalOption())
    .addOption(targetOption())
  withRuntimeOptions(withDataOptions(withLimitOptions(command)))
    .addHelpText(
      'after',
      examples(
        'pare evaluate model.onnx --data digits/',
        'pare evaluate model.onnx --data digits/ --split training --json',
        'pare evaluate small/model.onnx --data digits/ --max-drop 0.5 --max-bytes 500KB',
      ),
    )
    .action(async (model: string, options: EvaluateOptions) => {
      checkLimits(options)
      await checkBoard(session, options)
      const { split } = options
      const settings = engineSettings(options)
      // An estimate for a device is a share of the original's time there; flash and RAM are counted of a model alone.
      const against =
        needOriginal(options) || (options.target !== undefined && !limitsBoard(options))
          ? await originalFor(session, model, options.original)
          : undefined
      const measured: { report: Report; original?: Report } =
        against === undefined
          ? {
              report: await session.run(
                'evaluate',
                {
                  model,
                  data: await preparedData(session, model, options),
                  settings,
                  split,
                  target: options.target,
                },
                'measuring',
              ),
            }
          : await beside(against)
      const { report } = measured
      const judged = judgeReports(options, report, measured.original)
      if (options.json) await printDocument(session, 'evaluation', { ...report, ...judged })
      else {
        print(reportTable([{ name: '', report }]))
        for (const note of notesText(report, [])) print(`- ${note}`)
      }
      requireLimits(judged)

      async function beside(original: string): Promise<{ report: Report; original: Report }> {
        const data = await preparedData(session, [original, model], options)
        const candidates = [{ name: path.basename(model), model }]
        const both = await session.run(
          'compare',
          { model: original, data, settings, candidates, split, target: options.target },
          'measuring',
        )
        return { original: both.original, report: both.candidates[0]! }
      }
    })
}
