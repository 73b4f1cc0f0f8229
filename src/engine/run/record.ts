/** What compressing left beside a model: the reports on it and on its original, the recipe and its steps. */
import fs from 'node:fs'
import path from 'node:path'
import type { DataSpec } from '../../contract/dataset'
import { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { hashFile } from '../onnx/hash-file'
import { readJson } from './files'
import { stampOf } from './unchanged'

/** Where data came from, written into the report. */
export interface DataOrigin {
  /** Absolute. */
  path: string
  stamp: string
  /** How it was read. */
  spec: DataSpec
}

/** Undefined where inputs were random. */
export function originOf({ kind, path: place, spec }: Dataset): DataOrigin | undefined {
  const stamp = kind === 'random' ? undefined : stampOf(place)
  return stamp === undefined ? undefined : { path: place, stamp, spec }
}

export interface ModelRecord {
  original: Report
  report: Report
  steps: StepRecord[]
  recipe?: Recipe
  /** The data it was measured on, and whether that is what it was. */
  data?: DataOrigin & { same: boolean }
  /** The original is still where it was, and what it was. */
  originalThere: boolean
}

const isFile = (file: string, sha256: string): boolean => fs.existsSync(file) && hashFile(file) === sha256

/** Undefined where nothing lies there, or what lies there is about another file. */
export function recordBeside(model: string): ModelRecord | undefined {
  const beside = (name: string): unknown => readJson(path.join(path.dirname(model), name))
  const found = beside('report.json') as
    (Partial<Record<'original' | 'candidate', Report>> & { data?: DataOrigin }) | undefined
  const { original, candidate: report } = found ?? {}
  if (!original?.quality || !report?.quality || !isFile(model, report.sha256)) return undefined
  const recipe = Recipe.safeParse(beside('recipe.json'))
  return {
    original,
    report: { ...report, path: model },
    steps: (found as { steps?: StepRecord[] }).steps ?? [],
    ...(recipe.success && { recipe: recipe.data }),
    ...(found?.data && { data: { ...found.data, same: stampOf(found.data.path) === found.data.stamp } }),
    originalThere: isFile(original.path, original.sha256),
  }
}
