import path from 'node:path'
import { PareError } from '../../contract/errors'
import { errorMessage } from '../../contract/messages'
import { fileName, type JobInput, type ModelRecord } from '../../service'
import {
  absolute,
  examples,
  targetOption,
  withDataOptions,
  withEngineOptions,
  type AddCommand,
} from '../command'
import { bytes, checkLine, print } from '../output'
import { printDocument } from '../document'
import { preparedData } from '../prepared'
import type { SpecOptions } from '../data-spec'
import {
  checkLimits,
  hasLimits,
  judge,
  judgeReports,
  needOriginal,
  requireLimits,
  withLimitOptions,
  type Judged,
  type LimitOptions,
} from '../limits'
import { originalFor, originalOption } from '../original'
import { engineSettings, type CommonOptions, type DataOptions, type Session } from '../session'

interface ExportOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  target: string
  original?: string
  out: string
  overwrite?: boolean
  embedPreprocessing?: boolean
}

/** By what compressing recorded of the model, else measured anew; sizes alone need no original. */
async function judgeModel(
  session: Session,
  model: string,
  options: ExportOptions,
  record: ModelRecord | undefined,
): Promise<Judged | undefined> {
  if (!hasLimits(options)) return undefined
  if (record && options.original === undefined) return judgeReports(options, record.report, record.original)
  if (!needOriginal(options)) {
    const { bytes } = await session.run('inspect', { model }, 'reading the model')
    return judge(options, { bytes })
  }
  const original = await originalFor(session, model, options.original)
  const data = await preparedData(session, [original, model], options)
  const candidates = [{ name: path.basename(model), model }]
  const { target } = options
  const input = { model: original, data, settings: engineSettings(options), candidates, target }
  const measured = await session.run('compare', input, 'measuring')
  return judgeReports(options, measured.candidates[0]!, measured.original)
}

/** What is given, else what the model was made with as far as that is known and still there; says which it is. */
async function dataFor(
  session: Session,
  model: string,
  options: ExportOptions,
  record: ModelRecord | undefined,
): Promise<JobInput<'exportPlan'>['data']> {
  if (options.data !== undefined) return preparedData(session, model, options)
  if (!record?.data) return {}
  const { path: place, same, spec } = record.data
  const without = 'The bundle says nothing of preprocessing and labels; --data gives it what it needs.'
  if (!same) {
    session.progress.say(`The data the model was made with (${place}) is gone or has changed. ${without}`)
    return {}
  }
  const data = { ...spec, path: place, ...(options.tokenizer && { tokenizer: options.tokenizer }) }
  const input = { model, data, settings: engineSettings(options) }
  try {
    await session.run('openData', input, 'reading the data')
  } catch (cause) {
    if (!(cause instanceof PareError) || !cause.code.startsWith('data/')) throw cause
    session.progress.say(`${errorMessage(cause.data).what} ${without}`)
    return {}
  }
  session.progress.say(
    `Preprocessing, labels and golden samples are of the data the model was made with: ${place}`,
  )
  return data
}

export const addExport: AddCommand = (program, { session }) => {
  const command = program
    .command('export')
    .description('pack a model as a bundle for an app: model, manifest, golden samples, checks, code')
    .argument('<model>', 'an ONNX file', absolute)
    .addOption(targetOption().default('any'))
    .requiredOption('--out <path>', 'the bundle: a .zip file, or else a folder', absolute)
    .option('--overwrite', 'replace an earlier bundle of that name')
    .option(
      '--embed-preprocessing',
      'put preprocessing and class names into the model: bytes in, class out; needs --data',
    )
    .addOption(originalOption())
  withEngineOptions(withDataOptions(withLimitOptions(command)))
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
      const { record } = await session.run('record', { model }, 'looking for what is known of the model')
      if (!record) checkLimits(options)
      const judged = await judgeModel(session, model, options, record)
      if (judged && judged.limits.missed.length > 0) {
        if (options.json) await printDocument(session, 'export', { files: [], checks: [], ...judged })
        requireLimits(judged)
      }
      const { report, original, recipe, steps } = record ?? {}
      const request = {
        model,
        data: await dataFor(session, model, options, record),
        settings: engineSettings(options),
        target: options.target,
        ...(options.embedPreprocessing && { embed: true }),
        name: fileName(path.basename(model, path.extname(model))),
        ...(record && { report, original, recipe, steps }),
      }
      const form = options.out.toLowerCase().endsWith('.zip') ? ('zip' as const) : ('folder' as const)
      const { checks } = await session.run('exportPlan', request, 'planning the bundle')
      const destination = { form, out: options.out, overwrite: options.overwrite ?? false }
      const written = await session.run('exportBundle', { ...request, ...destination }, 'writing the bundle')
      if (options.json) return printDocument(session, 'export', { ...written, checks, ...judged })
      print(
        `${written.path}: ${bytes(written.bytes)}, of which the model takes ${bytes(written.downloadBytes)} to download`,
      )
      for (const name of written.files) print(`  ${name}`)
      for (const check of checks) print(checkLine(check))
    })
}
