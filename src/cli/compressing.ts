/** Compressing into a folder, as `compress` and `sample` do it. */
import fs from 'node:fs'
import path from 'node:path'
import { PareError } from '../contract/errors'
import type { Recipe } from '../contract/recipe'
import type { CompressResult, StepRecord } from '../contract/report'
import type { SearchResult } from '../contract/trial'
import { writeText } from '../service'
import { preparedData } from './prepared'
import type { SpecOptions } from './data-spec'
import { engineSettings, type CommonOptions, type DataOptions, type Session } from './session'
import { seconds } from './output'

interface CompressInto extends CommonOptions, DataOptions, SpecOptions {
  /** Absolute. */
  model: string
  recipe: Recipe
  out: string
  target?: string
  resume?: boolean
}

/** Checkpoints lie beside the results until the run is finished. */
export const WORK_FOLDER = '.pare'

/** Throws rather than writing over the user's model or over files that Pare did not make; a search may write into closest/. */
export function checkOut(out: string, model: string): void {
  for (const target of [path.join(out, 'model.onnx'), path.join(out, 'closest', 'model.onnx')]) {
    if (!fs.existsSync(target)) continue
    const same = fs.existsSync(model) && fs.realpathSync(target) === fs.realpathSync(model)
    if (same || !fs.existsSync(path.join(out, WORK_FOLDER, 'run.json')))
      throw new PareError('export/exists', { path: target })
  }
}

function say(session: Session, { pass, summary, seconds: took, failed, skipped }: StepRecord): void {
  session.progress.say(`${failed ? '✗' : '✓'} ${pass} (${seconds(took)}): ${summary}`)
  const [first] = skipped
  if (first)
    session.progress.say(
      `  left alone: ${first.layer} (${first.reason})${skipped.length > 1 ? ` and ${skipped.length - 1} more` : ''}`,
    )
}

/** Writes model.onnx, recipe.json, data-spec.json, report.json, report.html and samples.json into the folder. */
export async function compressInto(session: Session, options: CompressInto): Promise<CompressResult> {
  const { model, recipe, out, target, resume = false } = options
  checkOut(out, model)
  const data = await preparedData(session, model, options)
  const result = await session.run(
    'compress',
    {
      model,
      data,
      settings: engineSettings(options),
      folder: path.join(out, WORK_FOLDER),
      into: out,
      recipes: [recipe],
      target,
      seed: 0,
      resume,
    },
    'compressing',
    (event) => event.event === 'step' && say(session, event.data.record),
  )
  const { report, steps, files } = result.candidates[0]!
  const made: CompressResult = { original: result.original, candidate: report, steps, files }
  return { ...made, files: [...files, await writeHtml(session, out, path.basename(model), recipe, made)] }
}

/** Writes report.html beside the other files; gives its path. */
export async function writeHtml(
  session: Session,
  out: string,
  title: string,
  recipe: Recipe,
  { original, candidate, steps }: CompressResult,
  search?: SearchResult,
): Promise<string> {
  const candidates = [{ name: recipe.name, recipe, report: candidate, steps }]
  const page = { title, original, candidates, search }
  const html = path.join(out, 'report.html')
  writeText(html, await session.run('htmlReport', page, 'writing the report'))
  return html
}
