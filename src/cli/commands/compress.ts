import { InvalidArgumentError, Option } from 'commander'
import path from 'node:path'
import type { Recipe } from '../../contract/recipe'
import { checkOut, compressInto, LOG_FILE, recipeNamed, WORK_FOLDER } from '../../library/compressing'
import { engineSettings } from '../../library/work'
import { writeText } from '../../service'
import {
  absolute,
  modelFile,
  examples,
  markdownOption,
  overwriteOption,
  seedOption,
  targetOption,
  withDataOptions,
  withRuntimeOptions,
  type AddCommand,
} from '../command'
import { sayStep } from '../compressing'
import { planOf, printPlan } from '../plan'
import { print } from '../output'
import { printDocument } from '../document'
import { parsePassOption } from '../pass-option'
import { preparedData } from '../prepared'
import { comparisonMarkdown, comparisonText } from '../report-table'
import type { SpecOptions } from '../data-spec'
import {
  checkBoard,
  checkLimits,
  judgeReports,
  requireLimits,
  withLimitOptions,
  type LimitOptions,
} from '../limits'
import { type CommonOptions, type DataOptions, type Session } from '../session'

interface CompressOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  markdown?: string
  recipe?: string
  pass?: string[]
  out: string
  target?: string
  resume?: boolean
  overwrite?: boolean
  seed: number
  dryRun?: boolean
}

async function recipeOf(session: Session, { recipe, pass }: CompressOptions): Promise<Recipe> {
  if (!pass) return recipeNamed(session, recipe!)
  const passes = await session.run('passes', undefined, 'listing the passes')
  const steps = pass.map((text) => parsePassOption(text, passes))
  return { pare: 1, name: steps.map((step) => step.pass).join(' + '), description: '', steps }
}

export const addCompress: AddCommand = (program, { session }) => {
  const command = program
    .command('compress')
    .description('apply a recipe and measure what came out beside the original')
    .argument('<model>', 'an ONNX file; it is never changed', modelFile)
    .option(
      '--recipe <file|preset>',
      'a recipe file (JSON or YAML), or safe, balanced, smallest, fastest; see `pare presets`',
    )
    .option(
      '--pass <spec>',
      "one pass as 'ID key=value …'; may be given several times",
      (text: string, all: string[] = []) => [...all, text],
    )
    .requiredOption(
      '--out <dir>',
      'folder for model.onnx, recipe.json, data-spec.json, report.json, report.html, samples.json',
      absolute,
    )
    .addOption(targetOption())
    .addOption(markdownOption())
    .addOption(seedOption())
    .addOption(overwriteOption('result'))
    .option('--resume', 'go on from the last finished pass of an earlier run in that folder')
    .addOption(new Option('--dry-run', 'say what would be done, about how long and how small; write nothing'))
  withRuntimeOptions(withDataOptions(withLimitOptions(command)))
    .addHelpText(
      'after',
      examples(
        'pare compress model.onnx --data digits/ --recipe balanced --out small/',
        'pare compress model.onnx --data digits/ --recipe balanced --out small/ --dry-run',
        "pare compress model.onnx --data digits/ --pass simplify --pass 'quantize-static calibration=entropy' --out small/",
        'pare compress model.onnx --data digits/ --recipe balanced --target pc-no-vnni --out small/',
        'pare compress model.onnx --data digits/ --recipe my.recipe.json --out small/ --resume --json',
        'pare compress model.onnx --data digits/ --recipe balanced --out small/ --max-drop 0.5 --max-bytes 4x',
        'pare compress model.onnx --data bearing/ --recipe smallest --target cortex-m4f --out small/ --max-flash 128KB --max-ram 64KB',
      ),
    )
    .action(async (model: string, options: CompressOptions) => {
      if ((options.recipe === undefined) === (options.pass === undefined))
        throw new InvalidArgumentError('Give either --recipe or --pass.')
      checkLimits(options)
      await checkBoard(session, options)
      const { out, target, seed, resume = false, overwrite = false, dryRun = false } = options
      checkOut(out, model, overwrite || resume)
      const recipe = await recipeOf(session, options)
      if (!dryRun && !session.log.opened) session.log.open(path.join(out, WORK_FOLDER, LOG_FILE))
      // Neither time nor size hangs on how well the data is read.
      const data = await preparedData(session, model, options, !dryRun || options.strict === true)
      const input = { model, data, settings: engineSettings(options), recipe }
      if (dryRun) {
        const plan = await planOf(session, input)
        return options.json ? printDocument(session, 'plan', plan) : printPlan(plan)
      }
      const result = await compressInto(
        session,
        { ...input, out, target, seed, resume, overwrite },
        sayStep(session),
      )
      const { original, candidate } = result
      const judged = judgeReports(options, candidate, original)
      const column = { name: recipe.name, report: candidate }
      if (options.markdown !== undefined)
        writeText(options.markdown, comparisonMarkdown(original, column, judged))
      if (options.json) {
        await printDocument(session, 'compression', { ...result, ...judged })
        return requireLimits(judged)
      }
      print(comparisonText(original, column))
      print(`\nWritten:\n${result.files.map((file) => `  ${file}`).join('\n')}`)
      requireLimits(judged)
    })
}
