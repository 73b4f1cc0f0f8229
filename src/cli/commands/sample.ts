import os from 'node:os'
import fs from 'node:fs'
import path from 'node:path'
import { onDisk, PareError } from '../../contract/errors'
import { findSample, listSamples } from '../../service'
import { absolute, examples, targetOption, withRuntimeOptions, type AddCommand } from '../command'
import { compressInto, recipeNamed } from '../../library/compressing'
import { bytes, print } from '../output'
import { printDocument } from '../document'
import { comparisonText } from '../report-table'
import { engineSettings } from '../../library/work'
import { preparedData } from '../prepared'
import { sayStep } from '../compressing'
import { type CommonOptions } from '../session'

/** With its note on origin and licence. */
function copyInto(sample: string, folder: string): void {
  if (fs.existsSync(folder)) throw new PareError('export/exists', { path: folder })
  onDisk(folder, () => fs.cpSync(sample, folder, { recursive: true }))
}

export const addSample: AddCommand = (program, { session, resourcesDir }) => {
  const command = program
    .command('sample')
    .description('compress and export a built-in sample, to see how it goes')
    .argument('[id]', 'which sample', listSamples(resourcesDir)[0]?.id)
    .option('--out <dir>', 'folder for the results; default: a new temporary one', absolute)
    .option(
      '--files <dir>',
      'only put its model and data into a new folder, to try other commands on',
      absolute,
    )
    .addOption(targetOption().default('any'))
  withRuntimeOptions(command)
    .addHelpText(
      'after',
      examples('pare sample', 'pare sample digits --out tried/', 'pare sample bearing --files bearing/'),
    )
    .action(async (id: string, options: CommonOptions & { out?: string; files?: string; target: string }) => {
      const { title, model, data } = findSample(resourcesDir, id)
      const { files } = options
      if (files !== undefined) return copyInto(path.dirname(model), files)
      const out =
        options.out ?? onDisk(os.tmpdir(), () => fs.mkdtempSync(path.join(os.tmpdir(), 'pare-sample-')))
      session.say(`${title}: compressing with the preset “balanced”.`)
      const recipe = await recipeNamed(session, 'balanced')
      const { name } = recipe
      const settings = engineSettings(options)
      const result = await compressInto(
        session,
        {
          model,
          data: await preparedData(session, model, { ...options, data }),
          settings,
          recipe,
          out,
          target: options.target,
          seed: 0,
          resume: false,
          overwrite: true,
        },
        sayStep(session),
      )
      const bundle = await session.run(
        'exportBundle',
        {
          model: result.candidate.path,
          data: { path: data },
          settings,
          target: options.target,
          name: `${id}-${name}`.toLowerCase(),
          report: result.candidate,
          original: result.original,
          recipe,
          steps: result.steps,
          form: 'zip',
          out: path.join(out, 'bundle.zip'),
          overwrite: true,
        },
        'writing the bundle',
      )
      if (options.json) return printDocument(session, 'sample', { ...result, bundle })
      print(comparisonText(result.original, { name, report: result.candidate }))
      print(
        `\nBundle to ship: ${bundle.path} (${bytes(bundle.bytes)})\nReport to read: ${path.join(out, 'report.html')}`,
      )
    })
}
