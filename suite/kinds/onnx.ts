/** ONNX's own backend tests: as they are, and with all inputs but the first turned into weights. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { zipSync } from 'fflate'
import { SPLITS } from '../../src/contract/dataset'
import type { Dataset } from '../../src/engine/data/dataset'
import { openDataset } from '../../src/engine/data/open'
import { openRandom } from '../../src/engine/data/random'
import { encodeNpy } from '../../src/engine/data/encode-npy'
import { decodeModel, encodeModel, type Model } from '../../src/engine/onnx'
import { findPass } from '../../src/engine/passes'
import type { Values } from '../../src/engine/runtime/value'
import { canonical } from '../support/canonical'
import { GoldenArchive, valuesOf, withWeights } from '../support/golden'
import { runPass } from '../support/jobs'
import { judge, referenceOf, TOLERANCE, type Reference } from '../support/judge'
import {
  verdictOf,
  type Outcome,
  type RunStep,
  type Suite,
  type SuiteOptions,
  type Trial,
} from '../support/suite'

const SAMPLES = 4

interface Judged extends Trial {
  tolerance?: number
}

const trial = (step: string, params: Record<string, unknown> = {}, tolerance?: number): Judged => ({
  step,
  pass: findPass(step.split(' ')[0]!),
  params,
  ...(tolerance !== undefined && { tolerance }),
})

/** Of quantizers the smallest sizes are asked, so that something is done on models of a single operator. */
const TRIALS: readonly Judged[] = [
  trial('simplify', {}, TOLERANCE.exact),
  trial('float16', {}),
  trial('float16 stored', { compute: 'float32' }, TOLERANCE.float16),
  trial('quantize-static'),
  trial('quantize-dynamic', { leastWeights: 0 }),
  trial('quantize-weights 8', { bits: 8, method: 'rtn', block: 0 }),
  trial('quantize-weights 4', { bits: 4, method: 'rtn' }),
  trial('prune-channels'),
  trial('prune-weights'),
  trial('low-rank', { leastWeights: 16 }),
]

const archive = (shared: string): string => path.join(shared, 'suites', 'onnx-backend.zip')

let opened: GoldenArchive | undefined

/** Inputs as a file of arrays; undefined where NumPy has no such arrays. */
function sampleFile(folder: string, inputs: Values): string | undefined {
  const file = path.join(folder, 'sample.npz')
  try {
    const arrays = Object.entries(inputs).map(([name, value]) => [`${name}.npy`, encodeNpy(value)])
    fs.writeFileSync(file, zipSync(Object.fromEntries(arrays) as Record<string, Uint8Array>, { level: 0 }))
    return file
  } catch {
    return undefined
  }
}

/** Codec and passes on one model, with made inputs and with its sample. */
export async function tryModel(
  model: Model,
  inputs: Values | undefined,
  step: RunStep,
  options: Pick<SuiteOptions, 'steps'>,
): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-suite-'))
  const opened: Dataset[] = []
  const wanted = (name: string): boolean => options.steps.length === 0 || options.steps.includes(name)
  const open = async (name: string, how: () => Promise<Dataset>): Promise<Dataset | undefined> => {
    let data: Dataset | undefined
    await step(
      name,
      async () => {
        data = await how()
        for await (const _ of data.splits.validation.batches(2, { limit: 2 })) break
      },
      'needed',
    )
    if (data) opened.push(data)
    return data
  }
  try {
    // Behind a file: weights stay in it, as they do for a user.
    const made = await open('random inputs', () => openRandom(model, 0, SAMPLES, SPLITS))
    const file = inputs && sampleFile(folder, inputs)
    const given = file ? await open('its sample', () => openDataset(file, model)) : undefined
    let reference: Reference = { model }
    await step(
      'runs',
      async () => {
        reference = await referenceOf(model, inputs)
        return { verdict: 'ok', ...(!reference.outputs && { detail: 'without an answer to compare with' }) }
      },
      'needed',
    )
    const data = given ?? made
    for (const { step: name, pass, params, tolerance } of TRIALS)
      if (wanted(name))
        await step(name, async (): Promise<Outcome> => {
          if (!data) return { verdict: 'refused', code: 'no-inputs' }
          try {
            const { model: result } = await runPass(pass, model, params, data, folder)
            return await judge(result, reference, { tolerance })
          } catch (thrown) {
            return blamed(verdictOf(thrown), reference)
          }
        })
  } finally {
    for (const data of opened) await data.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Where the model itself runs, what does not is of the pass's making. */
const blamed = (outcome: Outcome, { outputs }: Reference): Outcome =>
  outputs && ['model/not-loadable', 'model/run-failed'].includes(outcome.code ?? '')
    ? { ...outcome, verdict: 'wrong' }
    : outcome

/** Read and written, a model says what it said. */
export function codecOutcome(bytes: Uint8Array): Outcome {
  const written = encodeModel(decodeModel(bytes))
  return canonical(bytes) === canonical(written)
    ? { verdict: 'ok' }
    : { verdict: 'wrong', detail: 'written otherwise' }
}

const WEIGHTS = '+weights'

export const suite: Suite = {
  isLarge: true,
  about: "ONNX's backend tests through the codec and the passes",
  limit: 60,
  units: async (shared) => {
    opened ??= new GoldenArchive(archive(shared))
    return opened.names.flatMap((name) => [name, `${name}${WEIGHTS}`])
  },
  async run(unit, step, options) {
    opened ??= new GoldenArchive(archive(options.shared))
    const isWeighted = unit.endsWith(WEIGHTS)
    const golden = opened.read(isWeighted ? unit.slice(0, -WEIGHTS.length) : unit)
    const plain = decodeModel(golden.model)
    const model = isWeighted ? golden.inputs && withWeights(plain, golden.inputs) : plain
    if (!model) return
    const bytes = isWeighted ? encodeModel(model) : golden.model
    await step('codec', async () => codecOutcome(bytes))
    const ports = new Set(model.graph.requiredInputs.map(({ name }) => name))
    const inputs = golden.inputs && new Map([...golden.inputs].filter(([name]) => ports.has(name)))
    await tryModel(decodeModel(bytes, `${unit}.onnx`), inputs && valuesOf(inputs), step, options)
  },
}
