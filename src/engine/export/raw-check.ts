/**
 * A bundle held against the raw samples it was made with: read by its own files alone they must give the model what
 * Pare measured it on, and answers that know something of the labels.
 */
import fs from 'node:fs'
import path from 'node:path'
import { onDisk, PareError } from '../../contract/errors'
import type { TargetCheck } from '../../contract/project'
import type { Dataset, RawSample } from '../data/dataset'
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
import { DEVICE_SESSION, largest, largestDifference } from './golden'
import type { Manifest } from './manifest'
import { scoreOf, type Answered } from './raw-score'
import { openBundle } from './read-back'

/** Samples of the validation split that are read back at most. */
const SAMPLES = 256
/** Fewer tell nothing of a model's skill. */
const ENOUGH = 32
/** Multiply-accumulates of all of them: some ten seconds of one core. */
const AFFORDABLE = 1e11
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
  const answers: Answered[] = []
  const read = samplesRead(model, traced, split)
  try {
    await withSession(file, DEVICE_SESSION, async (session) => {
      for (let index = 0; index < read; index++) {
        signal?.throwIfAborted()
        const sample = await split.raw!(index)
        const inputs = await bundle.read(placeRaw(sample, scratch)).catch((cause: unknown) => {
          throw notReproduced(index, '', (cause as Error).message, cause)
        })
        let measured: Answered['measured'] | undefined
        for await (const { inputs: read, ...batch } of split.batches(1, { indices: [index] })) {
          same(index, signatureOf(model), read, inputs)
          measured = batch
        }
        if (sample.label === undefined) continue
        const given = (await session.run(whole(model, inputs), [answer.output]))[answer.output]!
        const port = signatureOf(model).outputs.find(({ name }) => name === answer.output)!
        answers.push({ value: fromFile(given, port), label: sample.label, measured: measured! })
      }
    })
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
  const score = scoreOf(answers, { answer, names: bundle.labels, dataset })
  if (score && read >= ENOUGH && score.isChance)
    throw new PareError('export/at-chance', { score: score.text, samples: answers.length })
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
