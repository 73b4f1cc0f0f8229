/** A candidate that prepares its samples itself, with the dataset as it is fed from then on, proved on raw samples. */
import fs from 'node:fs'
import path from 'node:path'
import type { Dataset, RawSample, Split } from '../../data/dataset'
import { imageSize } from '../../data/image-decode'
import type { ImageOptions } from '../../data/image-input'
import { npyArray } from '../../data/npz'
import { SPLITS } from '../../../contract/dataset'
import type { SampleForm } from '../../../contract/sample-form'
import { isFloat, readModel, writeModel, type Model } from '../../onnx'
import { exampleFeeds } from '../../data/feeds'
import { feedsFor, floatsOf, openSession, traceShapes, type Value, type Values } from '../../runtime'
import { concatRows } from '../../runtime/value'
import { answerOf } from '../ports'
import { DEVICE_SESSION, largest, largestDifference, makeGolden } from '../golden'
import type { Manifest } from '../manifest'
import { labelLine } from '../companions'
import { placeRaw, samplesRead, SHARE } from '../raw-check'
import { sampleReader, type BundleReader } from '../read-back'
import { embedLabels, embedPreprocessing, refused } from './graph'

export interface Embedded {
  /** Path of the new model, in the folder that was given. */
  file: string
  /** The same samples as the new model takes them. */
  dataset: Dataset
  answer: Manifest['answer']
}

/**
 * Writes the model anew with its preprocessing and labels in the graph and holds both against each other on raw
 * validation samples. Throws `export/not-embedded` where it cannot be done to the bit, `model/*`, `disk/*`.
 */
export async function embed(
  file: string,
  dataset: Dataset | undefined,
  folder: string,
  signal?: AbortSignal,
): Promise<Embedded> {
  const form = dataset?.form?.inputs
  const { validation } = dataset?.splits ?? {}
  if (!dataset || !form || !validation?.raw || validation.length === 0)
    throw refused('It takes the raw samples that the model was measured on, with --data on the command line.')
  const original = readModel(file)
  const scratch = path.join(folder, 'raw')
  const { model, form: left } = embedPreprocessing(
    original,
    form,
    await byteArrays(form, validation, scratch),
  )
  const golden = await makeGolden({ file, model: original, dataset, count: 1, integer: false })
  const { answer: known } = await answerOf(dataset, golden, original)
  const answer = embedLabels(model, known, (dataset.classes ?? []).map(labelLine))
  const written = path.join(folder, 'embedded.onnx')
  writeModel(model, written)
  const reader = sampleReader(left)
  await prove({ file, original, dataset, form, written, reader, scratch, answer, signal })
  return { file: written, dataset: readAs(dataset, left, reader, scratch), answer }
}

/** Arrays whose numbers are stored as bytes. */
async function byteArrays(form: SampleForm, split: Split, scratch: string): Promise<Set<string>> {
  const found = new Set<string>()
  if (form.kind !== 'array') return found
  const files = placeRaw(await split.raw!(0), scratch)
  for (const { from } of form.inputs) {
    if (from.kind !== 'array' || !files[from.array]) continue
    const rows = await (await npyArray(files[from.array]!)).open()
    if ((await rows.read([0])).dtype === 'uint8') found.add(from.array)
    await rows.close()
  }
  return found
}

const SCALED: Readonly<Record<ImageOptions['resize'], string>> = {
  stretch: 'stretched',
  letterbox: 'scaled and given a border',
  'shortest-side-then-crop': 'scaled and cropped',
}

/**
 * A picture of another size than the model's is scaled first, which is no part of the graph: ONNX's Resize with
 * antialias gives other bytes than libvips to every fifth number when halving (by 1) and to most at a tenth (by up to 7).
 */
async function refuseScaled(form: SampleForm, { files }: RawSample, index: number): Promise<void> {
  if (form.kind !== 'image') return
  const { width, height, resize } = form
  const wanted = `${width} × ${height}`
  for (const { bytes } of files) {
    const size = await imageSize(bytes)
    if (size.width === width && size.height === height) continue
    throw refused(
      `Picture ${index + 1} of the validation samples is ${size.width} × ${size.height} and is ${SCALED[resize]} to ${wanted} before the model, which ONNX's operators do otherwise than Pare measured it. Store the pictures as ${wanted} and give those as data: the app then brings its own to that size.`,
    )
  }
}

interface Proof {
  file: string
  original: Model
  dataset: Dataset
  form: SampleForm
  written: string
  reader: BundleReader
  scratch: string
  answer: Manifest['answer']
  signal: AbortSignal | undefined
}

/** Raw samples through both: the answers must be the same. */
async function prove({
  file,
  original,
  dataset,
  form,
  written,
  reader,
  scratch,
  answer,
  signal,
}: Proof): Promise<void> {
  const split = dataset.splits.validation
  const names = original.graph.outputs.flatMap(({ name, dtype }) => (dtype && isFloat(dtype) ? [name] : []))
  const labels = (dataset.classes ?? []).map(labelLine)
  const sessions = [
    await openSession(file, DEVICE_SESSION),
    await openSession(written, DEVICE_SESSION),
  ] as const
  const embedded = readModel(written)
  const example = await exampleFeeds({ original, data: dataset })
  const count = samplesRead(original, await traceShapes(original, { feeds: example }), split)
  try {
    for (let index = 0; index < count; index++) {
      signal?.throwIfAborted()
      const sample = await split.raw!(index)
      await refuseScaled(form, sample, index)
      const raw = await reader.read(placeRaw(sample, scratch))
      const got = await sessions[1].run(feedsFor(embedded, raw))
      for await (const { inputs } of split.batches(1, { indices: [index] })) {
        const expected = await sessions[0].run(feedsFor(original, inputs))
        for (const name of names) same(index, name, expected[name]!, got[name]!)
      }
      if (answer.label === undefined) continue
      const scores = floatsOf(got[answer.output]!).subarray(0, answer.classes)
      const top =
        answer.threshold === undefined
          ? scores.indexOf(scores.reduce((most, one) => Math.max(most, one), -Infinity))
          : Number(scores[0]! > answer.threshold)
      const said = (got[answer.label]!.data as readonly string[])[0]
      if (said !== labels[top]) throw differs(index, `its label is “${said}” instead of “${labels[top]}”`)
    }
  } finally {
    for (const session of sessions) await session.release()
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

const differs = (index: number, reason: string): Error =>
  refused(`Validation sample ${index + 1} does not come out as Pare reads it: ${reason}.`)

function same(index: number, name: string, expected: Value, got: Value): void {
  const [a, b] = [floatsOf(expected), floatsOf(got)]
  const difference = largestDifference(a, b)
  if (!(difference <= SHARE * Math.max(1, largest(a))))
    throw differs(index, `output "${name}" differs by up to ${difference.toPrecision(3)}`)
}

/** The same samples, fed as `form` says. */
function readAs(dataset: Dataset, form: SampleForm, reader: BundleReader, scratch: string): Dataset {
  const { inputs: _, ...preprocessing } = form
  const splits = Object.fromEntries(
    SPLITS.map((name) => [name, readSplit(dataset.splits[name], reader, scratch)]),
  ) as Dataset['splits']
  return {
    ...dataset,
    preprocessing: preprocessing as Dataset['preprocessing'],
    form: { inputs: form },
    splits,
  }
}

function readSplit(split: Split, reader: BundleReader, scratch: string): Split {
  const read = async (sample: RawSample): Promise<Values> => {
    const values = await reader.read(placeRaw(sample, scratch))
    fs.rmSync(scratch, { recursive: true, force: true })
    return values
  }
  return {
    ...split,
    preview: (index) => split.preview(index),
    ...(split.raw && { raw: (index: number) => split.raw!(index) }),
    async *batches(size, options) {
      if (!split.raw) return
      for await (const batch of split.batches(size, options)) {
        const rows: Values[] = []
        for (const index of batch.indices) rows.push(await read(await split.raw(index)))
        const inputs = Object.fromEntries(
          Object.keys(rows[0] ?? {}).map((name) => [name, concatRows(rows.map((row) => row[name]!))]),
        )
        yield { ...batch, inputs }
      }
    },
  }
}
