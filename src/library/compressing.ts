/** Compressing and searching into a folder. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../contract/errors'
import type { Recipe } from '../contract/recipe'
import type { CompressResult } from '../contract/report'
import type { SearchResult } from '../contract/trial'
import { readRecipe, writeText, type JobEvent, type JobInput } from '../service'
import type { Work } from './work'

/** Checkpoints lie beside the results until the run is finished. */
export const WORK_FOLDER = '.pare'

/** Beside the checkpoints: what was told, for reports of faults. */
export const LOG_FILE = 'log.txt'

/**
 * Throws `export/exists` rather than writing over the user's model, over files that Pare did not make, or, without
 * `replace`, over an earlier result; a search may write into closest/.
 */
export function checkOut(out: string, model: string, replace: boolean): void {
  for (const target of [path.join(out, 'model.onnx'), path.join(out, 'closest', 'model.onnx')]) {
    if (!fs.existsSync(target)) continue
    const same = fs.existsSync(model) && fs.realpathSync(target) === fs.realpathSync(model)
    if (same || !replace || !fs.existsSync(path.join(out, WORK_FOLDER, 'run.json')))
      throw new PareError('export/exists', { path: target })
  }
}

/** A preset by its name, or a file. A file is meant where the name ends like one or holds a slash. */
export async function recipeNamed(work: Work, name: string): Promise<Recipe> {
  const presets = await work.run('presets', undefined, 'listing the presets')
  const preset = presets.find(({ id }) => id === name)
  if (!preset) {
    if (/^[\w-]+$/.test(name) && !fs.existsSync(name))
      throw new PareError('recipe/unknown', { recipe: name, known: presets.map(({ id }) => id) })
    return readRecipe(path.resolve(name))
  }
  const { name: title, description, steps } = preset
  return { pare: 1, name: title, description, steps }
}

type Compression = Omit<JobInput<'compress'>, 'folder' | 'recipes' | 'into'> & {
  recipe: Recipe
  /** Absolute. */
  out: string
  /** An earlier result there is replaced. */
  overwrite?: boolean
}

/**
 * Writes model.onnx, recipe.json, data-spec.json, report.json, report.html and samples.json into the folder.
 * Throws `export/exists`, and what the engine throws.
 */
export async function compressInto(
  work: Work,
  { recipe, out, overwrite = false, ...input }: Compression,
  onEvent?: (event: JobEvent) => void,
): Promise<CompressResult> {
  checkOut(out, input.model, overwrite || input.resume)
  const { candidates, original } = await work.run(
    'compress',
    { ...input, folder: path.join(out, WORK_FOLDER), into: out, recipes: [recipe] },
    'compressing',
    onEvent,
  )
  const { report, steps, files } = candidates[0]!
  const made: CompressResult = { original, candidate: report, steps, files }
  const html = await writeHtml(work, out, path.basename(input.model), recipe, made)
  return { ...made, files: [...files, html] }
}

/** Writes report.html beside the other files; gives its path. */
export async function writeHtml(
  work: Work,
  out: string,
  title: string,
  recipe: Recipe,
  { original, candidate, steps }: CompressResult,
  search?: SearchResult,
): Promise<string> {
  const candidates = [{ name: recipe.name, recipe, report: candidate, steps }]
  const page = { title, original, candidates, search }
  const html = path.join(out, 'report.html')
  writeText(html, await work.run('htmlReport', page, 'writing the report'))
  return html
}
