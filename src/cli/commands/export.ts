import path from 'node:path'
import { fileName } from '../../service'
import {
  absolute,
  examples,
  targetOption,
  withDataOptions,
  withEngineOptions,
  type AddCommand,
} from '../command'
import { bytes, print, printJson } from '../output'
import { preparedData } from '../prepared'
import type { SpecOptions } from '../data-spec'
import { engineSettings, type CommonOptions, type DataOptions } from '../session'

interface ExportOptions extends CommonOptions, DataOptions, SpecOptions {
  target: string
  out: string
  overwrite?: boolean
}

export const addExport: AddCommand = (program, { session }) => {
  const command = program
    .command('export')
    .description('pack a model as a bundle for an app: model, manifest, golden samples, checks, code')
    .argument('<model>', 'an ONNX file', absolute)
    .addOption(targetOption().default('any'))
    .requiredOption('--out <path>', 'the bundle: a .zip file, or else a folder', absolute)
    .option('--overwrite', 'replace an earlier bundle of that name')
  withEngineOptions(withDataOptions(command))
    .addHelpText(
      'after',
      examples(
        'pare export out/model.onnx --target android --out bundle.zip --data digits/',
        'pare export model.onnx --target ios --out bundle.zip',
      ),
    )
    .action(async (model: string, options: ExportOptions) => {
      const request = {
        model,
        data: options.data === undefined ? {} : await preparedData(session, model, options),
        settings: engineSettings(options),
        target: options.target,
        name: fileName(path.basename(model, path.extname(model))),
      }
      const form = options.out.toLowerCase().endsWith('.zip') ? ('zip' as const) : ('folder' as const)
      const { checks } = await session.run('exportPlan', request, 'planning the bundle')
      const destination = { form, out: options.out, overwrite: options.overwrite ?? false }
      const written = await session.run('exportBundle', { ...request, ...destination }, 'writing the bundle')
      if (options.json) return printJson({ ...written, checks })
      print(
        `${written.path}: ${bytes(written.bytes)}, of which the model takes ${bytes(written.downloadBytes)} to download`,
      )
      for (const name of written.files) print(`  ${name}`)
      for (const { ok, severity, message } of checks) print(`${ok ? 'ok' : severity}: ${message}`)
    })
}
