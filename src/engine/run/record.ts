/** What compressing left beside a model: the reports on it and on its original, the recipe and its steps. */
import fs from 'node:fs'
import path from 'node:path'
import { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import { hashFile } from '../onnx/hash-file'
import { readJson } from './files'

export interface ModelRecord {
  original: Report
  report: Report
  steps: StepRecord[]
  recipe?: Recipe
  /** The original is still where it was, and what it was. */
  originalThere: boolean
}

const isFile = (file: string, sha256: string): boolean => fs.existsSync(file) && hashFile(file) === sha256

/** Undefined where nothing lies there, or what lies there is about another file. */
export function recordBeside(model: string): ModelRecord | undefined {
  const beside = (name: string): unknown => readJson(path.join(path.dirname(model), name))
  const found = beside('report.json') as Partial<Record<'original' | 'candidate', Report>> | undefined
  const { original, candidate: report } = found ?? {}
  if (!original?.quality || !report?.quality || !isFile(model, report.sha256)) return undefined
  const recipe = Recipe.safeParse(beside('recipe.json'))
  return {
    original,
    report: { ...report, path: model },
    steps: (found as { steps?: StepRecord[] }).steps ?? [],
    ...(recipe.success && { recipe: recipe.data }),
    originalThere: isFile(original.path, original.sha256),
  }
}
