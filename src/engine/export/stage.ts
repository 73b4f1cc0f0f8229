/** Everything a bundle holds, written into a folder. */
import fs from 'node:fs'
import path from 'node:path'
import type { BundlePlan } from '../../contract/project'
import type { Recipe } from '../../contract/recipe'
import type { Report, StepRecord } from '../../contract/report'
import type { Dataset } from '../data/dataset'
import { estimateEnergy } from '../evaluate/energy'
import { htmlReport } from '../evaluate/html'
import { METRICS } from '../evaluate/metrics'
import { deflatedBytes } from '../evaluate/size'
import { diskError, readModel, writeModel, type Model } from '../onnx'
import { hashFile } from '../runtime/inspect'
import type { SessionOptions } from '../runtime/session'
import { traceShapes } from '../runtime/trace'
import type { Target } from '../targets/target'
import { checkTarget } from './checks'
import { makeGolden, type Golden } from './golden'
import { Manifest } from './manifest'
import { encodeNpy } from './npy'
import { operatorsConfig } from './operators'
import { writeOptimized, type PortableLevel } from './ort-format'
import { withoutNotes, withoutPlaces } from './privacy'
import { readme } from './readme'
import { snippetContext, snippetsFor } from './snippets'

export interface BundleRequest {
  /** Path of the candidate. */
  model: string
  /** What the bundle is called inside. */
  name: string
  target: Target
  /** Source of golden samples, classes and preprocessing; random golden inputs without it. */
  dataset?: Dataset
  report?: Report
  original?: Report
  recipe?: Recipe
  steps?: readonly StepRecord[]
  /** Path of a tokenizer.json to take along. */
  tokenizer?: string
  /** Samples in golden/; default 3, 0 for none. */
  goldenSamples?: number
  progress?(done: number, doing: string): void
  signal?: AbortSignal
}

export interface Staged {
  plan: BundlePlan
  manifest: Manifest
  /** Compressed size in a zip, by file name. */
  compressed: Map<string, number>
}

/** The settings a device runs with when it follows the README: ONNX Runtime's own. */
const SESSION: SessionOptions = { optimization: 'all' }

/** Writes a bundle's files into `folder`. Throws `model/*`, `data/*`, `disk/*`, `cancelled`. */
export async function stage(asked: BundleRequest, folder: string): Promise<Staged> {
  const { report: measuredReport, original: measuredOriginal, recipe, steps } = asked
  const words = withoutPlaces({ report: measuredReport, original: measuredOriginal, recipe, steps })
  const request: BundleRequest = { ...asked, ...words }
  const { progress, signal, target, dataset } = request
  const step = (done: number, doing: string): void => {
    signal?.throwIfAborted()
    progress?.(done, doing)
  }
  const files = new Files(folder)
  step(0, 'Writing the model')
  const model = placeModel(request.model, files)
  step(0.15, 'Writing the ORT format')
  const level = target.optimization
  const onnx = files.path('model.onnx')
  const ort = await writeOptimized(onnx, files.path('model.ort'), level)
  if (ort.file) files.add('model.ort', `the same for ONNX Runtime's minimal builds, optimized (${level})`)
  const optimized = await writeOptimized(onnx, files.path('optimized.onnx'), level)
  const config = operatorsConfig(model, optimized.file)
  fs.rmSync(files.path('optimized.onnx'), { force: true })
  files.write('required_operators.config', config, 'operators for a reduced build of ONNX Runtime')
  step(0.35, 'Golden samples')
  const golden = await goldenOf(request, model, files, ort.file)
  step(0.55, 'Compressing, to know the download size')
  const traced = await traceShapes(model, golden.samples[0] ? { feeds: golden.samples[0].inputs } : {})
  const checks = checkTarget(model, target, traced)
  if (ort.reason) checks.push({ ok: false, severity: 'warning', message: `No model.ort: ${ort.reason}` })
  const downloadBytes = await deflatedBytes(files.modelFiles(), signal)
  step(0.7, 'Report and manifest')
  const companions = placeCompanions(request, files)
  const report = request.report && localReport(request.report, files, downloadBytes)
  const original = request.original && { ...request.original, path: path.basename(request.original.path) }
  if (report && original) placeReports(request, { report, original }, files)
  const manifest = Manifest.parse({
    pare: 1,
    name: request.name,
    target: target.id,
    task: dataset?.task ?? 'unlabelled',
    models: files.models(ort.file ? level : undefined),
    opset: model.opset,
    operatorSets: Object.fromEntries([...model.opsets].map(([domain, v]) => [domain || 'ai.onnx', v])),
    ...ports(model, golden, traced),
    answer: answerOf(request, golden, model),
    session: { optimization: 'all', config: {} },
    ...companions,
    ...(report && { quality: measured(report) }),
    ...(original && { originalQuality: measured(original) }),
    downloadBytes,
    ...(request.recipe && { recipe: request.recipe }),
    golden: golden.files,
    tolerance: golden.tolerance,
    files: files.list(),
  } satisfies Manifest)
  files.write(
    'manifest.json',
    `${JSON.stringify(manifest, null, 2)}\n`,
    'what the bundle holds, for programs',
  )
  const context = (mobile: boolean): ReturnType<typeof snippetContext> =>
    snippetContext(manifest, dataset?.preprocessing, mobile && ort.file !== undefined)
  const realSamples = golden.samples.some(({ index }) => index !== undefined)
  files.write(
    'README.md',
    readme({ manifest, entries: files.entries, checks, context, report, original, realSamples }),
    'how to use it, with code',
  )
  files.write(
    'SHA256SUMS',
    files
      .list()
      .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
      .join(''),
    'SHA-256 of every file',
  )
  step(0.85, 'Sizes')
  const compressed = new Map<string, number>()
  for (const { name } of files.entries) compressed.set(name, await deflatedBytes([files.path(name)], signal))
  const bytes = files.entries.reduce((sum, entry) => sum + entry.bytes, 0)
  const mobile = target.forms[0] === 'ort'
  return {
    plan: { entries: files.entries, bytes, downloadBytes, checks, snippets: snippetsFor(context(mobile)) },
    manifest,
    compressed,
  }
}

/** The files written so far. */
class Files {
  readonly entries: BundlePlan['entries'] = []

  constructor(readonly folder: string) {}

  path(name: string): string {
    return path.join(this.folder, name)
  }

  /** Takes a file that lies in the folder already. */
  add(name: string, what: string): void {
    this.entries.push({ name, bytes: fs.statSync(this.path(name)).size, what })
  }

  write(name: string, content: string | Uint8Array, what: string): void {
    const file = this.path(name)
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, content, { flush: true })
    } catch (cause) {
      throw diskError(cause, file, content.length)
    }
    this.add(name, what)
  }

  private names(): string[] {
    return this.entries.map(({ name }) => name).filter((name) => name.startsWith('model.onnx'))
  }

  /** Paths of model.onnx and its external data. */
  modelFiles(): string[] {
    return this.names().map((name) => this.path(name))
  }

  list(): Manifest['files'] {
    return this.entries.map(({ name, bytes }) => ({ name, bytes, sha256: hashFile(this.path(name)) }))
  }

  models(ort: PortableLevel | undefined): Manifest['models'] {
    const of = (file: string): { file: string; bytes: number; sha256: string } => ({
      file,
      bytes: fs.statSync(this.path(file)).size,
      sha256: hashFile(this.path(file)),
    })
    const data = this.names()[1]
    return [
      { ...of('model.onnx'), format: 'onnx', optimization: 'none', ...(data && { data }) },
      ...(ort ? [{ ...of('model.ort'), format: 'ort' as const, optimization: ort }] : []),
    ]
  }
}

/** Copies the model, or writes it anew where it holds notes of its exporter. */
function placeModel(file: string, files: Files): Model {
  const model = readModel(file)
  const clean = withoutNotes(model)
  const target = files.path('model.onnx')
  try {
    if (clean === model && model.externalFiles.length === 0) fs.copyFileSync(file, target)
    else writeModel(clean, target)
  } catch (cause) {
    throw diskError(cause, target, 0)
  }
  files.add('model.onnx', 'the model')
  const data = `${path.basename(target)}.data`
  if (fs.existsSync(files.path(data))) files.add(data, 'its weights, to lie beside it')
  return readModel(target)
}

interface PlacedGolden extends Golden {
  files: Manifest['golden']
}

async function goldenOf(
  request: BundleRequest,
  model: Model,
  files: Files,
  ort: string | undefined,
): Promise<PlacedGolden> {
  const integer = estimateEnergy(model, await traceShapes(model)).macs.int8 > 0
  const golden = await makeGolden({
    onnx: files.path('model.onnx'),
    ort,
    model,
    dataset: request.dataset,
    count: request.goldenSamples ?? 3,
    session: SESSION,
    integer,
  })
  const placed = golden.samples.map(({ inputs, outputs }, n) => {
    const put = (kind: 'input' | 'output', values: typeof inputs): Record<string, string> =>
      Object.fromEntries(
        Object.entries(values).map(([name, value], i) => {
          const file = `golden/${n}/${kind}-${i}.npy`
          files.write(file, encodeNpy(value), `golden ${kind} ${name}`)
          return [name, file]
        }),
      )
    return { inputs: put('input', inputs), outputs: put('output', outputs) }
  })
  return { ...golden, files: placed }
}

function placeCompanions(
  { dataset, tokenizer }: BundleRequest,
  files: Files,
): Pick<Manifest, 'preprocessing' | 'labels' | 'tokenizer'> {
  const placed: Pick<Manifest, 'preprocessing' | 'labels' | 'tokenizer'> = {}
  if (dataset && dataset.kind !== 'random') {
    placed.preprocessing = 'preprocessing.json'
    const text = `${JSON.stringify(dataset.preprocessing, null, 2)}\n`
    files.write('preprocessing.json', text, 'how a raw sample becomes the input')
  }
  if (dataset?.classes) {
    placed.labels = 'labels.txt'
    files.write(
      'labels.txt',
      dataset.classes.map((name) => `${name.replaceAll(/\s+/g, ' ')}\n`).join(''),
      'class names in the order of the outputs',
    )
  }
  if (tokenizer) {
    placed.tokenizer = 'tokenizer.json'
    files.write('tokenizer.json', fs.readFileSync(tokenizer), 'the tokenizer of the texts')
  }
  return placed
}

/** The report as it is true of the bundle's own file, without paths of this machine. */
function localReport(report: Report, files: Files, downloadBytes: number): Report {
  const bytes = files.modelFiles().reduce((sum, file) => sum + fs.statSync(file).size, 0)
  return { ...report, path: 'model.onnx', bytes, downloadBytes, sha256: hashFile(files.path('model.onnx')) }
}

function placeReports(
  { name, recipe, steps }: BundleRequest,
  { report, original }: { report: Report; original: Report },
  files: Files,
): void {
  const json = { name, original, candidate: report, ...(recipe && { recipe }), ...(steps && { steps }) }
  files.write('report.json', `${JSON.stringify(json, null, 2)}\n`, 'what was measured, for programs')
  const page = htmlReport({
    title: name,
    original,
    candidates: [{ name: recipe?.name ?? 'Compressed', report, recipe, steps }],
  })
  files.write('report.html', page, 'what was measured, for people')
}

function ports(
  model: Model,
  golden: Golden,
  traced: ReadonlyMap<string, { dims: readonly number[] }>,
): Pick<Manifest, 'inputs' | 'outputs'> {
  const [sample] = golden.samples
  const describe = (side: 'inputs' | 'outputs', infos: Model['graph']['inputs']): Manifest['inputs'] =>
    infos.map(({ name, dtype, dims }) => ({
      name,
      dtype: dtype ?? 'not a tensor',
      dims: [...(dims ?? [])],
      exampleDims: [...(sample?.[side][name]?.dims ?? traced.get(name)?.dims ?? [])],
    }))
  return {
    inputs: describe('inputs', model.graph.requiredInputs),
    outputs: describe('outputs', model.graph.outputs),
  }
}

function answerOf({ dataset }: BundleRequest, golden: Golden, model: Model): Manifest['answer'] {
  const [sample] = golden.samples
  const fallback = model.graph.outputs[0]!.name
  if (!sample) return { output: fallback }
  const rows = Object.values(sample.outputs)[0]?.dims[0] ?? 1
  const classes = dataset?.classes
  try {
    // With class names the output that scores them; the other metrics want labels to tell, so: all outputs.
    const family = classes ? METRICS.classification : METRICS.unlabelled
    const choice = family.choose(sample.outputs, { rows, classes })
    return {
      output: choice.names[0]!,
      ...(classes && choice.form === 'scores' && { classes: choice.classes }),
    }
  } catch {
    return { output: fallback }
  }
}

const measured = ({ quality }: Report): NonNullable<Manifest['quality']> => ({
  metric: quality.metric,
  value: quality.value,
  interval: [...quality.interval],
  samples: quality.samples,
})
