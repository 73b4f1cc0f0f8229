/** Reports of a bundle: true of its own file, without paths of this machine. */
import path from 'node:path'
import type { DataSpec } from '../../contract/dataset'
import { schemaId, type Made } from '../../contract/documents'
import type { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import { htmlReport } from '../evaluate/html'
import type { BundleFiles } from './files'
import type { WrittenForm } from './forms/form'
import type { Manifest } from './manifest'

export interface ReportSources {
  name: string
  report?: Report
  original?: Report
  recipe?: Recipe
  steps?: readonly StepRecord[]
  /** By which Pare, when, where and on which data it was measured, where that is known. */
  measured?: Partial<Made> & { data?: Origin }
}

/** Without the place it lay at. */
interface Origin {
  fingerprint?: string
  spec: DataSpec
}

type LocalReports = Pick<ReportSources, 'report' | 'original'>

/** `form` is the one the candidate was measured in. */
export function localReports(
  { report, original }: ReportSources,
  files: BundleFiles,
  { model, download }: WrittenForm,
  downloadBytes: number,
): LocalReports {
  const bytes = download.reduce((sum, name) => sum + files.describe(name).bytes, 0)
  const { sha256 } = files.describe(model.file)
  return {
    report: report && { ...report, path: model.file, bytes, downloadBytes, sha256 },
    original: original && { ...original, path: path.basename(original.path) },
  }
}

/** Nothing without both reports. Throws `disk/*`. */
export function placeReports(
  { name, recipe, steps, measured: head }: ReportSources,
  { report, original }: LocalReports,
  files: BundleFiles,
): void {
  if (!report || !original) return
  const { data, ...made } = head ?? {}
  const json = {
    ...(head && { schema: schemaId('report'), ...made }),
    ...(data?.fingerprint && { data: { fingerprint: data.fingerprint, spec: data.spec } }),
    name,
    original,
    candidate: report,
    ...(recipe && { recipe }),
    ...(steps && { steps }),
  }
  files.write('report.json', `${JSON.stringify(json, null, 2)}\n`, 'what was measured, for programs')
  const page = htmlReport({
    title: name,
    original,
    candidates: [{ name: recipe?.name ?? 'Compressed', report, recipe, steps }],
  })
  files.write('report.html', page, 'what was measured, for people')
}

export const measured = ({ quality }: Report): NonNullable<Manifest['quality']> => ({
  metric: quality.metric,
  value: quality.value,
  interval: [...quality.interval],
  samples: quality.samples,
})
