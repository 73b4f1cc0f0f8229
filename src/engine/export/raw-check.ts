/**
 * A bundle held against the raw samples it was made with: read by its own files alone they must give the model what
 * Pare measured it on, and answers that know something of the labels.
 */
import fs from 'node:fs'
import path from 'node:path'
import { onDisk, PareError } from '../../contract/errors'
import type { TargetCheck } from '../../contract/project'
import type { Dataset, RawSample } from '../data/dataset'
import { skillOfClasses, skillOfNumbers } from '../data/skill'
import { isFloat, type Model } from '../onnx'
import {
  feedsFor,
  floatsOf,
  signatureOf,
  withSession,
  workOf,
  type Signature,
  type Value,
  type Values,
} from '../runtime'
import { fromFile, toFile } from '../runtime/edge'
import type { Traced } from '../targets/target'
import { editDistance } from '../tasks/transcription/edits'
import { pathsOf, textOf } from '../tasks/transcription/ctc'
import { labelLine } from './companions'
import { DEVICE_SESSION, largest, largestDifference } from './golden'
import type { Manifest } from './manifest'
import { openBundle } from './read-back'

/** Samples of the validation split that are read back at most. */
const SAMPLES = 256
/** Fewer tell nothing of a model's skill. */
const ENOUGH = 32
/** Multiply-accumulates of all of them: some ten seconds of one core. */
const AFFORDABLE = 1e11
/** Standard errors above guessing: below, chance explains the answers one time in 40. */
const BEYOND_GUESSING = 2
/** Float32 arithmetic in another order. */
export const SHARE = 1e-5

/** How many are read back: by what the model costs, so that a bundle says the same on every machine. */
export const samplesRead = (model: Model, traced: Traced, { length }: { length: number }): number =>
  Math.min(SAMPLES, length, Math.max(ENOUGH, Math.floor(AFFORDABLE / workOf(model, traced))))

interface Work {
  /** The staged bundle, with preprocessing.json, labels.txt and tokenizer.json in place. */
  folder: string
  model: Model
  /** Its shapes at one sample. */
  traced: Traced
  /** Path of the model. */
  file: string
  dataset: Dataset
  answer: Manifest['answer']
  signal?: AbortSignal | undefined
}

/**
 * A sentence on what was found; undefined where samples have no raw form. Throws `export/not-reproduced` and
 * `export/at-chance`.
 */
export async function checkRaw(work: Work): Promise<TargetCheck | undefined> {
  const { folder, dataset, model, traced, file, answer, signal } = work
  const split = dataset.splits.validation
  if (!dataset.form || !split.raw) return undefined
  const bundle = await openBundle(folder)
  const scratch = path.join(folder, '.raw')
  const answers: number[][] = []
  const texts: string[] = []
  const labels: NonNullable<RawSample['label']>[] = []
  const read = samplesRead(model, traced, split)
  try {
    await withSession(file, DEVICE_SESSION, async (session) => {
      for (let index = 0; index < read; index++) {
        signal?.throwIfAborted()
        const sample = await split.raw!(index)
        const inputs = await bundle.read(placeRaw(sample, scratch)).catch((cause: unknown) => {
          throw notReproduced(index, '', (cause as Error).message, cause)
        })
        for await (const batch of split.batches(1, { indices: [index] }))
          same(index, signatureOf(model), batch.inputs, inputs)
        if (sample.label === undefined) continue
        const given = (await session.run(whole(model, inputs), [answer.output]))[answer.output]!
        const port = signatureOf(model).outputs.find(({ name }) => name === answer.output)!
        const value = fromFile(given, port)
        labels.push(sample.label)
        if (answer.text) texts.push(spelled(value, answer.text, bundle.labels!))
        else answers.push(Array.from(floatsOf(value)))
      }
    })
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
  const score = answer.text
    ? scoreOfTexts(texts, labels as string[])
    : scoreOf(answers, labels, answer, bundle.labels)
  if (score && read >= ENOUGH && score.z < BEYOND_GUESSING)
    throw new PareError('export/at-chance', { score: score.text, samples: labels.length })
  const found = score ? `: ${score.text}` : ''
  return {
    ok: true,
    severity: 'info',
    message: `${read} raw samples, read by preprocessing.json alone, give the model what was measured${found}.`,
  }
}

/** Paths by name, in a folder of its own. */
export function placeRaw({ files }: RawSample, folder: string): Record<string, string> {
  return onDisk(folder, () => {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder)
    return Object.fromEntries(
      files.map(({ name, ending, bytes }, i) => {
        const file = path.join(folder, `${i}${ending}`)
        fs.writeFileSync(file, bytes)
        return [name, file]
      }),
    )
  })
}

/** One sample in the types of the file as the whole input. */
function whole(model: Model, fed: Values): Values {
  const { inputs } = signatureOf(model)
  const read = Object.entries(fed).map(([name, value]): [string, Value] => [
    name,
    fromFile(value, inputs.find((port) => port.name === name) ?? {}),
  ])
  return feedsFor(model, Object.fromEntries(read))
}

const notReproduced = (index: number, input: string, reason: string, cause?: unknown): PareError =>
  new PareError('export/not-reproduced', { sample: index + 1, input, reason }, { cause })

function same(index: number, { inputs }: Signature, samples: Values, got: Values): void {
  for (const [name, sample] of Object.entries(samples)) {
    const edge = inputs.find((port) => port.name === name)?.edge
    const value = toFile(sample, edge)
    const other = got[name]
    if (!other || String(other.dims) !== String(value.dims) || other.dtype !== value.dtype)
      throw notReproduced(index, name, 'it has another shape or type')
    const [a, b] = [floatsOf(value), floatsOf(other)]
    const difference = largestDifference(a, b)
    // A number between two codes may go to either.
    const limit = edge && !isFloat(edge.dtype) ? 1 : SHARE * Math.max(1, largest(a))
    if (!(difference <= limit))
      throw notReproduced(index, name, `its numbers differ by up to ${difference.toPrecision(3)}`)
  }
}

interface Score {
  text: string
  z: number
}

/** What the first sample of an output says, by labels.txt. */
const spelled = (
  value: Value,
  { axis, blank }: NonNullable<Manifest['answer']['text']>,
  characters: readonly string[],
): string => textOf(pathsOf(value, axis)[0]!, { blank, characters })

/** A reader that knows nothing has as many mistakes as there are characters, or more. */
function scoreOfTexts(texts: readonly string[], truth: readonly string[]): Score | undefined {
  if (truth.length === 0) return undefined
  const errors = texts.map((text, i) => editDistance(Array.from(text), Array.from(truth[i]!)))
  const lengths = truth.map((text) => Array.from(text).length)
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
  const right = errors.filter((count) => count === 0).length
  const gained = lengths.map((length, i) => length - errors[i]!)
  return {
    text: `${right} of ${texts.length} texts are right, ${sum(errors)} of ${sum(lengths)} characters wrong`,
    z: beyondNone(gained),
  }
}

/** Standard errors of the mean above zero. */
function beyondNone(values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v / values.length, 0)
  const spread = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1)
  return mean / Math.sqrt(spread / values.length || Number.MIN_VALUE)
}

/** Undefined where answers cannot be held against labels one by one. */
function scoreOf(
  answers: readonly number[][],
  labels: readonly NonNullable<RawSample['label']>[],
  { classes }: Manifest['answer'],
  names: readonly string[] | undefined,
): Score | undefined {
  if (labels.length === 0) return undefined
  if (labels.every((label) => typeof label === 'string')) {
    if (!names || answers.some((scores) => scores.length < (classes ?? Infinity))) return undefined
    const top = answers.map((scores) => {
      const own = scores.slice(0, classes)
      return own.indexOf(Math.max(...own))
    })
    const { each, z } = skillOfClasses(
      top,
      labels.map((label) => names.indexOf(labelLine(label))),
    )
    const right = each.reduce((sum, one) => sum + one, 0)
    return { text: `${right} of ${top.length} answers are right`, z: new Set(labels).size > 1 ? z : Infinity }
  }
  const numbers = labels as number[][]
  if (answers.some((row, i) => row.length !== numbers[i]!.length)) return undefined
  const { value, z } = skillOfNumbers(answers, numbers)
  return { text: `R² ${value.toFixed(4)} of ${answers.length}`, z }
}
