/** What compressing left beside a model: the reports on it and on its original, the recipe and its steps. */
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { version } from '../../../package.json'
import { DataSpec } from '../../contract/dataset'
import { Machine, madeNow, schemaId, type Made } from '../../contract/documents'
import { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import { StoredReport, StoredStep } from '../../contract/stored'
import type { Dataset } from '../data/dataset'
import { fingerprint } from '../data/fingerprint'
import { hashFile } from '../onnx/hash-file'
import { candidateParts } from './candidate-files'
import { stampOf, stampOfAll } from './unchanged'

/** Where data came from, written into the report. */
interface DataOrigin {
  /** Absolute. */
  path: string
  /** Changes with any of its files. */
  stamp: string
  /** Of names and contents; absent in reports of before. */
  fingerprint?: string
  /** How it was read. */
  spec: DataSpec
}

/** Undefined where inputs were random. */
async function originOf({ kind, path: place, spec }: Dataset): Promise<DataOrigin | undefined> {
  const stamp = kind === 'random' ? undefined : stampOfAll(place)
  return stamp === undefined ? undefined : { path: place, stamp, fingerprint: await fingerprint(place), spec }
}

/** What report.json and search.json begin with. */
export interface DocumentHead extends Made {
  schema: string
  /** Absent where inputs were random. */
  data?: DataOrigin
}

export async function headOf(kind: 'report' | 'search-result', dataset: Dataset): Promise<DocumentHead> {
  const data = await originOf(dataset)
  return { schema: schemaId(kind), ...madeNow(version, os), ...(data && { data }) }
}

export interface ModelRecord {
  original: Report
  report: Report
  steps: StepRecord[]
  recipe?: Recipe
  /** The data it was measured on, and whether that is what it was. */
  data?: DataOrigin & { same: boolean }
  /** By which Pare, when and where it was measured; absent in reports of before. */
  made?: Made
  /** The original is still where it was, and what it was. */
  originalThere: boolean
}

const Kept = z.object({
  original: StoredReport,
  candidate: StoredReport,
  steps: z.array(StoredStep).default([]),
  data: z
    .object({ path: z.string(), stamp: z.string(), fingerprint: z.string().optional(), spec: DataSpec })
    .optional(),
  // Reports of before say nothing of these.
  pare: z.string().optional(),
  date: z.string().optional(),
  machine: Machine.optional(),
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
  const before = stampOf(model)
  const parts = candidateParts(path.dirname(model), (report) => {
    const kept = Kept.safeParse(report).data
    return kept !== undefined && isFile(model, kept.candidate.sha256)
  })
  // Another candidate was put there meanwhile.
  if (stampOf(model) !== before) return recordBeside(model)
  if (!parts) return undefined
  const { original, candidate, steps, data, pare = '', date = '', machine } = Kept.parse(parts.report)
  const recipe = Recipe.safeParse(parts.recipe)
  return {
    original,
    report: { ...candidate, path: model },
    steps,
    ...(recipe.success && { recipe: recipe.data }),
    ...(data && { data: { ...data, same: stampOfAll(data.path) === data.stamp } }),
    ...(machine && { made: { pare, date, machine } }),
    originalThere: isFile(original.path, original.sha256),
  }
}
