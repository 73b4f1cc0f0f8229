import { Option } from 'commander'
import path from 'node:path'
import { TECHNIQUES, type Sensitivity, type Technique } from '../../contract/sensitivity'
import {
  absolute,
  modelFile,
  examples,
  targetOption,
  wholeNumber,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { WORK_FOLDER } from '../../library/compressing'
import { count, print, table } from '../output'
import { printDocument } from '../document'
import { preparedData } from '../prepared'
import type { SpecOptions } from '../data-spec'
import { engineSettings } from '../../library/work'
import { type CommonOptions, type DataOptions } from '../session'

interface SensitivityOptions extends CommonOptions, DataOptions, SpecOptions {
  samples?: number
  out?: string
  technique?: Technique[]
  target?: string
}

const heading = ({ technique, strength }: Sensitivity): string =>
  technique === 'bits' ? `${strength} bits` : `${technique} ${Math.round(strength * 100)}%`

/** One row a layer, one column a technique and strength: decibel of the outputs against the original's. */
function heatMap(entries: readonly Sensitivity[]): string {
  const columns = [...new Set(entries.map(heading))]
  const layers = [...new Set(entries.map((entry) => entry.layer))]
  const rows = layers.map((layer) => {
    const own = entries.filter((entry) => entry.layer === layer)
    const cells = columns.map(
      (column) => own.find((entry) => heading(entry) === column)?.sqnr.toFixed(1) ?? '',
    )
    return [layer, own[0]!.op, count(own[0]!.parameters), ...cells]
  })
  return table([['layer', 'operator', 'weights', ...columns], ...rows])
}

export const addSensitivity: AddCommand = (program, { session }) => {
  const command = program
    .command('sensitivity')
    .description('measure what each layer tolerates: fewer bits, zeros, fewer channels, lower rank')
    .argument('<model>', 'an ONNX file; it is never changed', modelFile)
    .addOption(
      new Option('--samples <n>', 'calibration samples (default: 64, fewer for large models)').argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option(
        '--out <dir>',
        'folder of a search or a run: what it measured is used, what is measured is added',
      ).argParser(absolute),
    )
    .addOption(new Option('--technique <names...>', 'only these').choices([...TECHNIQUES]))
    .addOption(targetOption())
  withRuntimeOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare sensitivity model.onnx --data digits/',
        'pare sensitivity model.onnx --data digits/ --technique bits --json',
        'pare sensitivity model.onnx --data digits/ --out best/',
      ),
    )
    .action(async (model: string, options: SensitivityOptions) => {
      const { samples, technique, target, out } = options
      const input = {
        model,
        data: await preparedData(session, model, options),
        settings: engineSettings(options),
        samples,
        techniques: technique,
        target,
        sensitivities: out && path.join(out, WORK_FOLDER, 'sensitivity'),
      }
      const report = await session.run('sensitivity', input, 'measuring sensitivity')
      if (options.json) return printDocument(session, 'sensitivity', report)
      print(heatMap(report.entries))
      print(
        `\nDecibel of the outputs against the original's on ${report.samples} calibration samples: higher is less harm.`,
      )
    })
}
