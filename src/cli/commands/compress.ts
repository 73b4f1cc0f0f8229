import { InvalidArgumentError } from 'commander'
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../../contract/errors'
import type { Recipe } from '../../contract/recipe'
import { readRecipe, writeText } from '../../service'
import {
  absolute,
  examples,
  markdownOption,
  targetOption,
  withDataOptions,
  withEngineOptions,
  type AddCommand,
} from '../command'
import { compressInto } from '../compressing'
import { print } from '../output'
import { printDocument } from '../document'
import { parsePassOption } from '../pass-option'
import { comparisonMarkdown, comparisonText } from '../report-table'
import type { SpecOptions } from '../data-spec'
import { checkLimits, judgeReports, requireLimits, withLimitOptions, type LimitOptions } from '../limits'
import { type CommonOptions, type DataOptions, type Session } from '../session'

interface CompressOptions extends CommonOptions, DataOptions, SpecOptions, LimitOptions {
  markdown?: string
  recipe?: string
  pass?: string[]
  out: string
  target?: string
  resume?: boolean
}

/** A preset by its name, or a file. A file is meant where the name ends like one or holds a slash. */
async function recipeOf(session: Session, { recipe, pass }: CompressOptions): Promise<Recipe> {
  if (pass) {
    const passes = await session.run('passes', undefined, 'listing the passes')
    const steps = pass.map((text) => parsePassOption(text, passes))
    return { pare: 1, name: steps.map((step) => step.pass).join(' + '), description: '', steps }
  }
  const presets = await session.run('presets', undefined, 'listing the presets')
  const preset = presets.find(({ id }) => id === recipe)
  if (!preset) {
    if (/^[\w-]+$/.test(recipe!) && !fs.existsSync(recipe!))
      throw new PareError('recipe/unknown', { recipe: recipe!, known: presets.map(({ id }) => id) })
    return readRecipe(path.resolve(recipe!))
  }
  const { name, description, steps } = preset
  return { pare: 1, name, description, steps }
}

export const addCompress: AddCommand = (program, { session }) => {
  const command = program
    .command('compress')
    .description('apply a recipe and measure what came out beside the original')
    .argument('<model>', 'an ONNX file; it is never changed', absolute)
    .option('--recipe <file|preset>', 'a recipe file, or safe, balanced, smallest, fastest')
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
    .option('--resume', 'go on from the last finished pass of an earlier run in that folder')
  withEngineOptions(withDataOptions(withLimitOptions(command)))
    .addHelpText(
      'after',
      examples(
        'pare compress model.onnx --data digits/ --recipe balanced --out small/',
        "pare compress model.onnx --data digits/ --pass simplify --pass 'quantize-static calibration=entropy' --out small/",
        'pare compress model.onnx --data digits/ --recipe balanced --target pc-no-vnni --out small/',
        'pare compress model.onnx --data digits/ --recipe my.recipe.json --out small/ --resume --json',
        'pare compress model.onnx --data digits/ --recipe balanced --out small/ --max-drop 0.5 --max-bytes 4x',
      ),
    )
    .action(async (model: string, options: CompressOptions) => {
      if ((options.recipe === undefined) === (options.pass === undefined))
        throw new InvalidArgumentError('Give either --recipe or --pass.')
      checkLimits(options)
      const recipe = await recipeOf(session, options)
      const result = await compressInto(session, { ...options, model, recipe })
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
