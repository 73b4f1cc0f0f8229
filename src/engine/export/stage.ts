/** Everything a bundle holds, written into a folder. */
import fs from 'node:fs'
import type { BundlePlan } from '../../contract/project'
import type { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { exampleFeeds } from '../data/feeds'
import { estimateEnergy } from '../evaluate/energy'
import { deflatedBytes } from '../evaluate/size'
import { traceShapes } from '../runtime/trace'
import type { Target } from '../targets/target'
import { readModel } from '../onnx'
import { temporaryFolder } from '../onnx/temporary'
import { checkTarget } from './checks'
import { placeCompanions } from './companions'
import { embed, type Embedded } from './embed'
import { BundleFiles, SOURCE } from './files'
import { formsFor, type ExportForm } from './forms'
import { proveForms, snippetsOf, weighForms, writeForms, type WeighedForm } from './forms/stage-forms'
import { widened } from './forms/verification'
import { makeGolden, placeGolden } from './golden'
import { Manifest } from './manifest'
import { answerOf, ports } from './ports'
import { checkRaw } from './raw-check'
import { withoutPlaces } from './privacy'
import { readme } from './readme'
import { localReports, measured, placeReports, type ReportSources } from './reports'
import { dropSource, placeSource } from './source'

export interface BundleRequest {
  /** Path of the candidate. */
  model: string
  /** What the bundle is called inside. */
  name: string
  target: Target
  /** Source of golden samples, classes and preprocessing; random golden inputs without it. */
  dataset?: Dataset
  /** Asked before the bundle takes its place. */
  same?(): void
  report?: Report
  original?: Report
  recipe?: Recipe
  steps?: readonly StepRecord[]
  /** By which Pare, when, where and on which data the reports were measured. */
  measured?: ReportSources['measured']
  /** Preprocessing and the names of the classes become part of the model. */
  embed?: boolean
  /** Path of a tokenizer.json to take along. */
  tokenizer?: string
  /** Samples in golden/; default 3, 0 for none. */
  goldenSamples?: number
  /** C sources as a library of Arduino. */
  arduino?: boolean
  /** C sources call CMSIS-NN where it has a kernel. */
  cmsis?: boolean
  /** Default: those the target wants. */
  forms?: readonly ExportForm[]
  progress?(done: number, doing: string): void
  signal?: AbortSignal
}

export interface Staged {
  plan: BundlePlan
  manifest: Manifest
}

/**
 * Writes a bundle's files into `folder`. Throws `model/*`, `data/*`, `disk/*`, `cancelled`, and where the bundle
 * does not read its own samples right `export/not-reproduced`, `export/at-chance`, `export/not-embedded`.
 */
export async function stage(asked: BundleRequest, folder: string): Promise<Staged> {
  if (!asked.embed) return stageOf(asked, folder)
  const place = temporaryFolder('embed')
  try {
    asked.progress?.(0, 'Putting preprocessing and labels into the model')
    const { file, dataset, answer } = await embed(asked.model, asked.dataset, place, asked.signal)
    return await stageOf({ ...asked, model: file, dataset }, folder, answer)
  } finally {
    fs.rmSync(place, { recursive: true, force: true })
  }
}

async function stageOf(asked: BundleRequest, folder: string, embedded?: Embedded['answer']): Promise<Staged> {
  const { report: measuredReport, original: measuredOriginal, recipe, steps, measured: head } = asked
  const words = withoutPlaces({
    report: measuredReport,
    original: measuredOriginal,
    recipe,
    steps,
    measured: head,
  })
  const request: BundleRequest = { ...asked, ...words }
  const { progress, signal, target, dataset } = request
  const step = (done: number, doing: string): void => {
    signal?.throwIfAborted()
    progress?.(done, doing)
  }
  const files = new BundleFiles(folder)
  // What cannot be read is not said to be written.
  const source = readModel(request.model)
  step(0, 'Writing the model')
  const model = placeSource(source, request.model, files)
  const wanted = request.forms ?? formsFor(target)
  const { forms, checks: missing } = await writeForms(
    wanted,
    model,
    files,
    { ...target, arduino: request.arduino, cmsis: request.cmsis },
    (i) => step((0.35 * i) / wanted.length, `Writing ${wanted[i]!.title}`),
  )
  step(0.35, 'Golden samples')
  const example = await exampleFeeds({ original: model, ...(dataset && { data: dataset }) })
  const traced = await traceShapes(model, { feeds: example })
  const integer = estimateEnergy(model, traced).macs.int8 > 0
  const count = request.goldenSamples ?? 3
  const golden = await makeGolden({ file: files.path(SOURCE), model, dataset, count, integer })
  const goldenFiles = placeGolden(golden, files)
  const { answer: plain, spelling } = await answerOf(dataset, golden, model, signal)
  const answer = embedded ?? plain
  const companions = placeCompanions({ ...request, model, spelling }, files)
  step(0.45, 'Reading raw samples as the bundle says')
  const raw =
    dataset && (await checkRaw({ folder, model, traced, file: files.path(SOURCE), dataset, answer, signal }))
  const { verifications, checks: unproven } = await proveForms(forms, files, golden, signal)
  dropSource(files)
  step(0.55, 'Compressing, to know the download size')
  const weighed = await weighForms(forms, files, signal)
  const [{ written, downloadBytes }] = weighed as [WeighedForm]
  step(0.7, 'Report and manifest')
  const local = localReports(request, files, written, downloadBytes)
  placeReports(request, local, files)
  const { report, original } = local
  const manifest = Manifest.parse({
    pare: 1,
    name: request.name,
    target: target.id,
    task: dataset?.task ?? 'unlabelled',
    models: forms.map(({ form, written: { model } }) => ({
      ...files.describe(model.file),
      ...model,
      format: form.id,
    })),
    opset: model.opset,
    operatorSets: Object.fromEntries([...model.opsets].map(([domain, v]) => [domain || 'ai.onnx', v])),
    ...ports(model, golden, traced),
    answer,
    session: { optimization: 'all', config: {} },
    ...companions,
    ...(report && { quality: measured(report) }),
    ...(original && { originalQuality: measured(original) }),
    downloadBytes,
    ...(request.recipe && { recipe: request.recipe }),
    golden: goldenFiles,
    tolerance: widened(golden.tolerance, verifications),
    files: files.list(),
  } satisfies Manifest)
  files.write(
    'manifest.json',
    `${JSON.stringify(manifest, null, 2)}\n`,
    'what the bundle holds, for programs',
  )
  const { snippets, checks: passedOver } = snippetsOf(weighed, manifest, dataset)
  const checks = [
    ...checkTarget(model, target, traced),
    ...missing,
    ...unproven,
    ...(raw ? [raw] : []),
    ...passedOver,
  ]
  const realSamples = golden.samples.some(({ index }) => index !== undefined)
  files.write(
    'README.md',
    readme({ manifest, entries: files.entries, checks, forms, snippets, report, original, realSamples }),
    'how to use it, with code',
  )
  const sums = files.list().map(({ name, sha256 }) => `${sha256}  ${name}\n`)
  files.write('SHA256SUMS', sums.join(''), 'SHA-256 of every file')
  step(0.85, 'Sizes')
  const entries: BundlePlan['entries'] = []
  for (const entry of files.entries)
    entries.push({ ...entry, downloadBytes: await deflatedBytes([files.path(entry.name)], signal) })
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
  const code = snippets.map(({ language, title, code }) => ({ language, title, code }))
  return {
    plan: { entries, bytes, downloadBytes, checks, snippets: code },
    manifest,
  }
}
