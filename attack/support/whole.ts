/** Whether a folder of results is one result: old or new, never half of each. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { recordBeside } from '../../src/engine/run/record'

/** What is wrong with what Pare itself reads beside a model; undefined where it is one candidate. */
export function recordFault(model: string): string | undefined {
  const record = recordBeside(model)
  if (!record) return 'neither the old result nor the new one is there'
  const passes = (steps: readonly { pass: string }[] = []): string => steps.map(({ pass }) => pass).join(', ')
  return passes(record.steps) === passes(record.recipe?.steps)
    ? undefined
    : `a recipe of ${passes(record.recipe?.steps)} beside the report of ${passes(record.steps)}`
}

interface Measured {
  candidate?: { sha256?: string; bytes?: number }
}

/**
 * What is wrong with it; undefined where nothing is. A folder without a report is none yet, which is right only
 * while the work is `unfinished`.
 */
export function wholeness(folder: string, unfinished: boolean): string | undefined {
  const model = path.join(folder, 'model.onnx')
  const report = path.join(folder, 'report.json')
  if (!fs.existsSync(report)) return unfinished ? undefined : 'no report'
  if (!fs.existsSync(model)) return 'a report without its model'
  let measured: Measured
  try {
    measured = JSON.parse(fs.readFileSync(report, 'utf8')) as Measured
    JSON.parse(fs.readFileSync(path.join(folder, 'recipe.json'), 'utf8'))
    JSON.parse(fs.readFileSync(path.join(folder, 'samples.json'), 'utf8'))
  } catch (cause) {
    return `a damaged file: ${(cause as Error).message}`
  }
  const sha256 = createHash('sha256').update(fs.readFileSync(model)).digest('hex')
  return measured.candidate?.sha256 === sha256 ? undefined : 'a model beside the report of another'
}
