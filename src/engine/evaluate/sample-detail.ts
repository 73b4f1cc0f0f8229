/** One sample with what the original and each candidate answer to it. */
import type { SampleDetail, SampleRow } from '../../contract/compare'
import type { SamplePreview, SplitName } from '../../contract/dataset'
import { PareError } from '../../contract/errors'
import type { ViewOf } from '../../contract/sample-views'
import { clipUpTo, type GoesOn } from '../data/clips'
import type { Batch, Dataset, Split } from '../data/dataset'
import { pngUri } from '../runtime/pictures'
import type { SessionOptions } from '../runtime/session'
import { concatRows, floatsOf, sliceRows, type Value, type Values } from '../runtime/value'
import { taskOf, type OutputChoice } from '../tasks'
import type { Gallery, Shown } from '../tasks/task'
import { judged, secondsOf } from './quality'
import { Carrier, openRunner, type Signature } from '../runtime'

interface DetailRequest {
  dataset: Dataset
  /** Default: validation. */
  split?: SplitName
  index: number
  /** The original first. Absolute paths. */
  models: readonly { name: string; model: string }[]
  row: SampleRow
  session?: SessionOptions
}

/** Steps of a clip that are read at once. */
const STEPS = 64
/** Steps of a clip that are shown. */
const MOST_STEPS = 2000
/** Longest side of the picture of a sample's own page, pixels. */
const LARGE = 480
/** That of a sample among others. */
const SMALL = 96
/** Values shown of each output. */
const SHOWN = 8

/** Runs the sample through every model. Throws `not-found` for a sample the split does not have. */
export async function sampleDetail(request: DetailRequest): Promise<SampleDetail> {
  const { dataset, index, models, row } = request
  const split = dataset.splits[request.split ?? 'validation']
  const missing = new PareError('not-found', { what: 'sample', id: String(index) })
  if (index < 0 || index >= split.length) throw missing
  for await (const batch of split.batches(1, { indices: [index] })) {
    const task = taskOf(dataset.task)
    const clip = split.goesOn && task.clips ? await clipAround(request, split, split.goesOn) : undefined
    const answers = clip ? clip.outputs.map((own) => own[clip.at]!) : await answersTo(request, split, batch)
    const context = {
      rows: 1,
      classes: dataset.classes,
      labels: batch.labels,
      boxes: dataset.spec.boxes,
      seconds: secondsOf(dataset),
    }
    const choice = task.choose(judged(answers[0]!, dataset), context)
    const steps = clip ?? {
      outputs: answers.map((one) => [one]),
      labels: batch.labels ? [batch.labels] : [],
      inputs: [batch.inputs],
      at: 0,
    }
    const preview = await split.preview(index, LARGE)
    const words = preview.text?.split(/\s+/)
    const gallery =
      task.gallery !== undefined && !split.goesOn
        ? await galleryOf(request, split, choice.names[0]!, task.gallery)
        : undefined
    const views = await task.view?.({
      ...context,
      outputs: answers,
      choice,
      gallery,
      label: batch.labels,
      words,
      steps,
    })
    const [input] = Object.values(batch.inputs)
    const image = !views && (await picture(answers[0]![choice.names[0]!]!))
    const shown = views ?? (await numbersOf(answers, choice, dataset))
    return {
      preview,
      row,
      outputs: shown.map((view, i) => ({ name: models[i]!.name, view })),
      ...((image || views) && input && { inputImage: await picture(input) }),
    }
  }
  throw missing
}

/** Every step of the sample's clip, as each model carries its own states through it. */
async function clipAround(
  { index, models, session }: DetailRequest,
  split: Split,
  goesOn: GoesOn,
): Promise<NonNullable<Shown['steps']>> {
  const indices = clipUpTo(index, goesOn).slice(-MOST_STEPS)
  const at = indices.length - 1
  for (
    let next = index + 1;
    indices.length < MOST_STEPS && next < split.length && goesOn(next, next - 1);
    next++
  )
    indices.push(next)
  const labels: Value[] = []
  const inputs: Values[] = []
  const outputs: Values[][] = []
  let original: Signature | undefined
  for (const { model } of models) {
    const runner = await openRunner(model, session)
    original ??= runner.signature
    const own: Values[] = []
    try {
      const carrier = new Carrier(runner, original)
      for await (const batch of split.batches(STEPS, { indices })) {
        const rows = batch.indices.length
        const answers = await carrier.run(batch.inputs, batch.follows!.with(0, own.length > 0))
        for (let row = 0; row < rows; row++) {
          own.push(rowOf(answers, row))
          if (outputs.length > 0) continue
          inputs.push(rowOf(batch.inputs, row))
          if (batch.labels) labels.push(sliceRows(batch.labels, row, row + 1))
        }
      }
    } finally {
      await runner.release()
    }
    outputs.push(own)
  }
  return { outputs, labels, inputs, at }
}

/** The first samples of the split with what each model answers to them. */
async function galleryOf(
  { index, models, session }: DetailRequest,
  split: Split,
  output: string,
  limit: number,
): Promise<Gallery> {
  const indices: number[] = []
  const labels: Value[] = []
  const outputs: Value[] = []
  for (const { model } of models) {
    const runner = await openRunner(model, session)
    const own: Value[] = []
    try {
      for await (const batch of split.batches(STEPS, { limit })) {
        own.push((await runner.run(batch.inputs))[output]!)
        if (outputs.length > 0) continue
        indices.push(...batch.indices)
        if (batch.labels) labels.push(batch.labels)
      }
    } finally {
      await runner.release()
    }
    outputs.push(concatRows(own))
  }
  const preview = (at: number): Promise<SamplePreview> => split.preview(at, SMALL)
  return { index, indices, outputs, preview, ...(labels.length > 0 && { labels: concatRows(labels) }) }
}

const rowOf = (values: Values, row: number): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, sliceRows(value, row, row + 1)]))

async function numbersOf(
  answers: readonly Values[],
  choice: OutputChoice,
  dataset: Dataset,
): Promise<ViewOf<'numbers'>[]> {
  const outputs = answers.map((each) => each[choice.names[0]!]!)
  const values = outputs.map((value) => valuesOf(value, choice, dataset))
  const classes = ['class', 'several'].includes(taskOf(dataset.task).protects)
  const sure = classes && values.flat().every(({ value }) => value >= 0 && value <= 1)
  // One range for all: pictures stretched each by itself could not be compared.
  const images = await Promise.all(outputs.map((value) => picture(value, outputs[0])))
  return values.map((own, i) => ({
    kind: 'numbers',
    values: own,
    sure,
    ...(images[i] !== undefined && { image: images[i] }),
  }))
}

/** Each model's own, after what it made of the steps before in the same clip. */
async function answersTo(
  { index, models, session }: DetailRequest,
  split: Split,
  batch: Batch,
): Promise<Values[]> {
  const answers: Values[] = []
  const before = clipUpTo(index, split.goesOn).slice(0, -1)
  let original: Signature | undefined
  for (const { model } of models) {
    const runner = await openRunner(model, session)
    original ??= runner.signature
    try {
      const carrier = new Carrier(runner, original)
      if (before.length > 0)
        for await (const { inputs, follows } of split.batches(STEPS, { indices: before }))
          await carrier.run(inputs, follows!)
      answers.push(
        split.goesOn ? await carrier.run(batch.inputs, [before.length > 0]) : await runner.run(batch.inputs),
      )
    } finally {
      await runner.release()
    }
  }
  return answers
}

/** The strongest classes with their probabilities, or the first numbers of an output. */
function valuesOf(
  value: Value,
  choice: OutputChoice,
  { classes, task }: Pick<Dataset, 'classes' | 'task'>,
): { name: string; value: number }[] {
  const data = floatsOf(value)
  if (choice.form === 'single-score' && classes?.length === 2) {
    const second = choice.scale === 'logits' ? sigmoid(data[0]!) : data[0]!
    const both = [1 - second, second].map((value, i) => ({ name: classes[i]!, value }))
    return both.sort((a, b) => b.value - a.value)
  }
  const scored = choice.form === 'scores' && data.length === choice.classes
  const logits = scored && choice.scale === 'logits'
  const shown = !logits ? data : taskOf(task).protects === 'several' ? data.map(sigmoid) : softmax(data)
  const order = Array.from(shown.keys())
  if (scored) order.sort((a, b) => shown[b]! - shown[a]!)
  return order
    .slice(0, SHOWN)
    .filter((i) => Number.isFinite(shown[i]))
    .map((i) => ({ name: (scored ? classes?.[i] : undefined) ?? String(i), value: shown[i]! }))
}

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))

function softmax(logits: Float32Array): Float32Array {
  const best = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = logits.map((v) => Math.exp(v - best))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((v) => v / sum)
}

function rangeOf(value: Value): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity]
  for (const v of floatsOf(value)) {
    if (v < low) low = v
    if (v > high) high = v
  }
  return [low, high]
}

const grey = (level: number): number => Math.min(255, Math.max(0, Math.round(level)))

/** Sides below this are no picture. */
const LEAST_SIDE = 16

/**
 * [1, C, H, W] or [1, H, W, C] with one or three channels as a PNG data URL, the range of the values of `like`
 * stretched to black and white. Undefined for other shapes.
 */
async function picture(value: Value, like = value): Promise<string | undefined> {
  const { dims } = value
  if (dims.length !== 4 || dims[0] !== 1 || value.dtype === 'string') return undefined
  const first = dims[1] === 1 || dims[1] === 3
  const [channels, height, width] = first ? [dims[1]!, dims[2]!, dims[3]!] : [dims[3]!, dims[1]!, dims[2]!]
  if ((channels !== 1 && channels !== 3) || height < LEAST_SIDE || width < LEAST_SIDE) return undefined
  const data = floatsOf(value)
  const [low, high] = rangeOf(like)
  const scale = high > low ? 255 / (high - low) : 0
  const pixels = Buffer.alloc(data.length)
  const plane = height * width
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < channels; c++)
      pixels[i * channels + c] = grey((data[first ? c * plane + i : i * channels + c]! - low) * scale)
  return pngUri({ width, height, channels, pixels })
}
