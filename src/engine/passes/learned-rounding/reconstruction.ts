/**
 * Rounding learned one part of a model after the other, a layer or a block: each makes its own output, given the inputs
 * that the parts rounded before it leave, as close to the original's as it can. Sources: arXiv:2004.10568, section 3.3
 * (layers, asymmetric), arXiv:2102.05426 (blocks).
 */
import path from 'node:path'
import fs from 'node:fs'
import { hardened, roundingRegularizer, startingLogits, type FakeWeight } from '../../training/fake-quant'
import { countsSamples, feedOf, signatureOf, traceShapes } from '../../runtime'
import { firstBatch } from '../../training/learn'
import { Validator } from '../../training/validator'
import type { LossSpec } from '../../training/losses'
import { Samples } from '../../data/sample-store'
import type { LearningSettings } from '../../training/settings'
import { Teacher } from '../../training/teacher'
import { Parameters } from '../../training/trainable'
import { train } from '../../training/trainer'
import { Tensor, type Model } from '../../onnx'
import type { PassContext } from '../pass'
import { partApart } from './apart'

interface RoundedPart {
  /** The value to come close to, of the same name in both models. */
  output: string
  /** Its weights, at least one; what several parts read belongs to one of them. */
  fakes: readonly FakeWeight[]
}

/** Size of updates: logits go from undecided to decided in some hundred. */
const RATE = 0.02
/** Samples learned from, and samples that judge a part. */
const MOST_SAMPLES = 1024
const JUDGING = 256
/** Share of a decided logit to start from. */
const LEANING = 0.5
const LOSS = { alpha: 1, temperature: 1 }
/** Strength of the pull that makes every weight decide between rounding up and down (AdaRound's λ). */
export const REGULARIZATION = 1e-4

/**
 * Learns the rounding of each part within `model`, in order; its initializers are changed in place. A part whose
 * learned rounding is further from the original than the codes it started from, or whose output does not count samples
 * by its first axis, keeps those.
 * Gives how many parts got closer. Each learns for so many `updates` at an effort of 1.
 */
export async function reconstruct(
  model: Model,
  original: Model,
  parts: readonly RoundedPart[],
  context: PassContext,
  settings: LearningSettings,
  { word, updates }: { word: 'layer' | 'block'; updates: number },
): Promise<number> {
  const { training, calibration } = context.data!.splits
  const split = training.length >= calibration.length ? training : calibration
  const samples = await Samples.open(split, context.signal, context.data!.path)
  const micro = signatureOf(model).batch ?? Math.min(settings.microBatch, settings.batchSize)
  const order = context.random.fork('by layer').shuffle(Array.from({ length: samples.count }, (_, i) => i))
  const chosen = order.slice(0, MOST_SAMPLES)
  const epochs = Math.max(
    1,
    Math.round((settings.effort * updates) / Math.ceil(chosen.length / settings.batchSize)),
  )
  const signature = signatureOf(original)
  const traced = await traceShapes(original, {
    feeds: feedOf(signature, (await firstBatch(samples, signature.batch ?? 1)).inputs),
  })
  let closer = 0
  for (const [i, { output, fakes }] of parts.entries()) {
    const starts = fakes.map(startingLogits)
    const keep = (logits: readonly Float32Array[]): void => {
      for (const [j, { latent }] of fakes.entries()) {
        const { dims } = model.graph.initializers.get(latent)!
        model.graph.initializers.set(latent, Tensor.float32(dims, logits[j]!))
      }
    }
    // Positions of one size for all samples, or samples on a later axis, are not compared sample by sample.
    if (!countsSamples(traced.get(output)!, signature.batch)) {
      keep(starts)
      continue
    }
    const doing = `rounding ${word} ${i + 1} of ${parts.length}`
    context.progress(i / parts.length, doing)
    const teacher = await Teacher.open(original, [output], signature.batch ?? micro)
    const latents = fakes.map(({ latent }) => latent)
    const { signal } = context
    const apart = await partApart(model, { output, latents, samples, chosen, micro, teacher, signal })
    const from = apart ?? { model, samples }
    const indices = apart ? chosen.map((_, at) => at) : chosen
    const parameters = Parameters.of(from.model, latents)
    const spec: LossSpec = { kind: 'squared-error', value: output, hard: false, soft: true }
    const about = { ...from, spec, trainable: parameters.names, micro, settings: LOSS, teacher }
    const judging = indices.slice(0, JUDGING)
    const validator = new Validator({ ...about, remember: true, indices: judging, task: 'unlabelled' })
    try {
      const set = (logits: readonly Float32Array[]): void =>
        logits.forEach((values, j) => parameters.view(j).set(values))
      const error = async (logits: readonly Float32Array[]): Promise<number> => {
        set(logits)
        return (await validator.measure(parameters)).loss
      }
      const before = await error(starts)
      // Leaning towards the codes there are, which already make up for each other's errors.
      set(starts.map((logits) => logits.map((v) => v * LEANING)))
      const [given] = await teacher.valuesFor(await firstBatch(from.samples, micro))
      const power = (given!.data as Float32Array).reduce((sum, x) => sum + x * x, 0) / given!.data.length
      const scratch = path.join(context.scratch, `${word}-${i}`)
      fs.mkdirSync(scratch, { recursive: true })
      await train({
        ...about,
        task: 'unlabelled',
        parameters,
        training: indices,
        settings: { ...settings, epochs, learningRate: RATE, warmUp: 0, clip: 0, optimizer: 'adamw' },
        loss: LOSS,
        // The penalty is a share of the error of answering nothing, so that it means the same everywhere.
        constraints: [roundingRegularizer(parameters, fakes, REGULARIZATION * power)],
        random: context.random.fork(`${word} ${i}`),
        key: [
          output,
          ...fakes.map(({ latent }) => model.graph.initializers.get(latent)!.contentKey()),
        ].join(),
        scratch,
        stopRequested: () => context.stopRequested?.() ?? false,
        timeFor: (seconds) => context.timeFor?.(seconds * (parts.length - i)) ?? 1,
        progress: (done) => context.progress((i + done) / parts.length, doing),
      })
      const learned = fakes.map((_, j) => hardened(parameters.view(j)))
      const better = (await error(learned)) < before
      if (better) closer++
      keep(better ? learned : starts)
    } finally {
      await validator.release()
      await teacher.release()
    }
  }
  return closer
}
