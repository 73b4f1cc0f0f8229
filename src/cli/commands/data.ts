import type { DataSpec } from '../../contract/dataset'
import { formatMetric } from '../../contract/metrics'
import type { PreprocessingTrial } from '../../contract/project'
import { trialScore } from '../../contract/reading'
import type { Quality } from '../../contract/report'
import { writeJson } from '../../service'
import {
  absolute,
  examples,
  modelFile,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { specOf, type SpecOptions } from '../data-spec'
import { print, table } from '../output'
import { printDocument } from '../document'
import { otherwiseNote, scoreText, warn } from '../../library/prepared'
import { referenceOf } from '../prepared'
import { engineSettings } from '../../library/work'
import { type CommonOptions, type DataOptions } from '../session'

/** Of the reading that is taken, beside the one that it replaces. A model that tells its reading itself has no score of it. */
function scoresText(baseline: Quality, best: PreprocessingTrial | undefined): string {
  const where = `on ${baseline.samples} validation samples`
  if (!best || best.by) return `${scoreText(baseline)} ${where}`
  const before = formatMetric(baseline.metric, baseline.value)
  return `${scoreText({ ...baseline, value: best.score })} ${where}, ${before} before another way to read it was taken`
}

type Options = CommonOptions & DataOptions & SpecOptions & { data: string; out?: string }

export const addData: AddCommand = (program, { session }) => {
  const command = program
    .command('data')
    .description('say how data is read for a model, try the other ways, and save the best as a data spec')
    .argument('<model>', 'an ONNX file, or a folder that compressing wrote', modelFile)
    .option('--out <file>', 'where the data spec goes, for --data-spec of the other commands', absolute)
  withRuntimeOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare data model.onnx --data digits/',
        'pare data model.onnx --data table.csv --label force --out spec.json',
      ),
    )
    .action(async (model: string, options: Options) => {
      if (options.data === undefined)
        return command.error("error: required option '--data <path>' not specified")
      const input = { model, data: referenceOf(options), settings: engineSettings(options) }
      const { summary, baseline, spec, doubts } = await session.run('openData', input, 'reading the data')
      // What is said is not put in doubt.
      const trials = specOf(options)
        ? []
        : await session.run(
            'findPreprocessing',
            { ...input, when: 'always', baseline },
            'trying ways to read the data',
          )
      const best = trials.find(({ better }) => better)
      warn(session, doubts, best !== undefined)
      const found: DataSpec = best
        ? {
            ...spec,
            preprocessing: best.preprocessing,
            ...(best.classes && { classes: best.classes }),
            notes: [...(spec.notes ?? []), otherwiseNote(best, baseline)],
          }
        : spec
      if (options.out !== undefined) writeJson(options.out, found)
      session.read = { model, data: { ...input.data, ...found } }
      if (options.json) return printDocument(session, 'data', { summary, baseline, trials, spec: found })
      print(`${summary.description}; ${scoresText(baseline, best)}\n`)
      for (const note of summary.notes) print(`- ${note}`)
      if (trials.length > 0) {
        print('\nWays to read it, best first:')
        const rows = trials.map((trial) => [
          trialScore(trial, baseline),
          trial === best ? 'taken' : trial.better ? 'better' : '',
          trial.explanation,
        ])
        print(table(rows, 'left'))
      }
      print(`\n${JSON.stringify(found, null, 2)}`)
    })
}
