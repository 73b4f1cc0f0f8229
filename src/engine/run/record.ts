/** What compressing left beside a model: the reports on it and on its original, the recipe and its steps. */
import path from 'node:path'
import { z } from 'zod'
import { DataSpec } from '../../contract/dataset'
import { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import { StoredReport, StoredStep } from '../../contract/stored'
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

const Kept = z.object({
  original: StoredReport,
  candidate: StoredReport,
  steps: z.array(StoredStep).default([]),
  data: z.object({ path: z.string(), stamp: z.string(), spec: DataSpec }).optional(),
})

function isFile(file: string, sha256: string): boolean {
  try {
    return hashFile(file) === sha256
  } catch {
    // Gone, a folder, or nothing that may be read.
    return false
  }
}

/** Undefined where nothing lies there, or what lies there is damaged or about another file. */
export function recordBeside(model: string): ModelRecord | undefined {
  const beside = (name: string): unknown => readJson(path.join(path.dirname(model), name))
  const found = Kept.safeParse(beside('report.json')).data
  if (!found || !isFile(model, found.candidate.sha256)) return undefined
  const { original, candidate, steps, data } = found
  const recipe = Recipe.safeParse(beside('recipe.json'))
  return {
    original,
    report: { ...candidate, path: model },
    steps,
    ...(recipe.success && { recipe: recipe.data }),
    ...(data && { data: { ...data, same: stampOf(data.path) === data.stamp } }),
    originalThere: isFile(original.path, original.sha256),
  }
}
