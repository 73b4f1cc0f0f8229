import path from 'node:path'
import { writeBundle } from '../../library/exporting'
import type { ModelRecord } from '../../service'
import {
  absolute,
  modelFile,
  examples,
  overwriteOption,
  targetOption,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { bytes, checkLine, print } from '../output'
import { printDocument } from '../document'
import { preparedData, referenceOf } from '../prepared'
import type { SpecOptions } from '../data-spec'
import {
  checkBoard,
  checkLimits,
  hasLimits,
  judge,
  judgeReports,
  limitsBoard,
  needOriginal,
  requireLimits,
  withLimitOptions,
  type Judged,
  type LimitOptions,
} from '../limits'
import { originalFor, originalOption } from '../original'
import { engineSettings } from '../../library/work'
import { type CommonOptions, type DataOptions, type Session } from '../session'

interface ExportOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  target: string
  original?: string
  out: string
  overwrite?: boolean
  embedPreprocessing?: boolean
  arduino?: boolean
  cmsis?: boolean
}

/** By what compressing recorded of the model, else measured anew; sizes alone need no original. */
async function judgeModel(
  session: Session,
  model: string,
  options: ExportOptions,
  record: ModelRecord | undefined,
): Promise<Judged | undefined> {
  if (!hasLimits(options)) return undefined
  const { target, maxRam } = options
  // Whatever the record was made for: it may have been another board.
  const onBoard = limitsBoard(options)
    ? await session.run('footprint', { model, target, maxRam }, 'counting flash and RAM')
    : {}
  if (record && options.original === undefined)
    return judgeReports(options, { ...record.report, ...onBoard }, record.original)
  if (!needOriginal(options)) {
    const { bytes } = await session.run('inspect', { model }, 'reading the model')
    return judge(options, { bytes, ...onBoard })
  }
  const original = await originalFor(session, model, options.original)
  const data = await preparedData(session, [original, model], options)
  const candidates = [{ name: path.basename(model), model }]
  const input = { model: original, data, settings: engineSettings(options), candidates, target }
  const measured = await session.run('compare', input, 'measuring')
  return judgeReports(options, measured.candidates[0]!, measured.original)
}

export const addExport: AddCommand = (program, { session }) => {
  const command = program
    .command('export')
    .description('pack a model as a bundle for an app: model, manifest, golden samples, checks, code')
    .argument('<model>', 'an ONNX file, or a folder that compressing wrote', modelFile)
    .addOption(targetOption().default('any'))
    .requiredOption('--out <path>', 'the bundle: a .zip file, or else a folder', absolute)
    .addOption(overwriteOption('bundle'))
    .option(
      '--embed-preprocessing',
      'put preprocessing and class names into the model: bytes in, class out; needs --data',
    )
    .option('--arduino', 'C sources as a library of Arduino, with a sketch; for microcontrollers')
    .option('--cmsis', "C sources that call Arm's CMSIS-NN where it has a kernel; for Cortex-M")
    .addOption(originalOption())
  withRuntimeOptions(withDataOptions(withLimitOptions(command)))
    .addHelpText(
      'after',
      examples(
        'pare export out/model.onnx --target android --out bundle.zip --data digits/',
        'pare export model.onnx --target ios --out bundle.zip',
        'pare export model.onnx --data digits/ --embed-preprocessing --out bundle.zip',
        'pare export out/model.onnx --target android --out bundle.zip --max-drop 0.5 --max-bytes 25%',
      ),
    )
    .action(async (model: string, options: ExportOptions) => {
      await checkBoard(session, options)
      const { record } = await session.run('record', { model }, 'looking for what is known of the model')
      if (!record) checkLimits(options)
      const judged = await judgeModel(session, model, options, record)
      if (judged && judged.limits.missed.length > 0) {
        if (options.json) await printDocument(session, 'export', { files: [], checks: [], ...judged })
        requireLimits(judged)
      }
      const data =
        options.data === undefined ? referenceOf(options) : await preparedData(session, model, options)
      const {
        checks,
        data: used,
        ...written
      } = await writeBundle(session, {
        model,
        data,
        settings: engineSettings(options),
        target: options.target,
        maxRam: options.maxRam,
        arduino: options.arduino,
        cmsis: options.cmsis,
        out: options.out,
        overwrite: options.overwrite ?? false,
        embed: options.embedPreprocessing,
        record,
      })
      session.read = { model, data: used }
      if (options.json) return printDocument(session, 'export', { ...written, checks, ...judged })
      print(
        `${written.path}: ${bytes(written.bytes)}, of which the model takes ${bytes(written.downloadBytes)} to download`,
      )
      for (const name of written.files) print(`  ${name}`)
      for (const check of checks) print(checkLine(check))
    })
}
