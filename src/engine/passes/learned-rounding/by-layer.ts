/**
 * Rounding learned one layer after the other: each makes its own output, given the inputs that the layers rounded
 * before it leave, as close to the original's as it can. Source: arXiv:2004.10568, section 3.3 (asymmetric
 * reconstruction), of which arXiv:2102.05426 is the block-wise form.
 */
import path from 'node:path'
import fs from 'node:fs'
import { hardened, roundingRegularizer, startingLogits, type FakeWeight } from '../../training/fake-quant'
import { signatureOf } from '../../runtime'
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

interface RoundedLayer {
  /** The value to come close to, of the same name in both models. */
  output: string
  fake: FakeWeight
}

/** Updates a layer learns for, and how large they are: logits go from undecided to decided in some hundred. */
const UPDATES = 240
const RATE = 0.02
/** Samples learned from, and samples that judge a layer. */
const MOST_SAMPLES = 1024
const JUDGING = 256
/** Share of a decided logit to start from. */
const LEANING = 0.5
const LOSS = { alpha: 1, temperature: 1 }

/**
 * Learns the rounding of each layer within `model`, in order; its initializers are changed in place. A layer whose
 * learned rounding is further from the original than the codes it started from keeps those.
 * Gives how many layers got closer.
 */
export async function roundByLayer(
  model: Model,
  original: Model,
  layers: readonly RoundedLayer[],
  context: PassContext,
  settings: LearningSettings,
  strength: number,
): Promise<number> {
  const { training, calibration } = context.data!.splits
  const split = training.length >= calibration.length ? training : calibration
  const samples = await Samples.open(split, context.signal, context.data!.path)
  const micro = signatureOf(model).batch ?? Math.min(settings.microBatch, settings.batchSize)
  const first = await firstBatch(samples, micro)
  const order = context.random.fork('by layer').shuffle(Array.from({ length: samples.count }, (_, i) => i))
  const chosen = order.slice(0, MOST_SAMPLES)
  const epochs = Math.max(1, Math.round(UPDATES / Math.ceil(chosen.length / settings.batchSize)))
  let closer = 0
  for (const [i, { output, fake }] of layers.entries()) {
    const doing = `rounding layer ${i + 1} of ${layers.length}`
    context.progress(i / layers.length, doing)
    const teacher = await Teacher.open(original, [output], signatureOf(original).batch ?? micro)
    const parameters = Parameters.of(model, [fake.latent])
    const spec: LossSpec = { kind: 'squared-error', value: output, hard: false, soft: true }
    const about = { model, spec, trainable: parameters.names, samples, micro, settings: LOSS, teacher }
    const validator = new Validator({
      ...about,
      remember: true,
      indices: chosen.slice(0, JUDGING),
      task: 'unlabelled',
    })
    try {
      const start = startingLogits(fake)
      const error = async (logits: Float32Array): Promise<number> => {
        parameters.view(0).set(logits)
        return (await validator.measure(parameters)).loss
      }
      const before = await error(start)
      // Leaning towards the codes there are, which already make up for each other's errors.
      parameters.view(0).set(start.map((v) => v * LEANING))
      const [logits] = await teacher.valuesFor(first)
      const power = (logits!.data as Float32Array).reduce((sum, x) => sum + x * x, 0) / logits!.data.length
      const scratch = path.join(context.scratch, `layer-${i}`)
      fs.mkdirSync(scratch, { recursive: true })
      await train({
        ...about,
        task: 'unlabelled',
        parameters,
        training: chosen,
        settings: { ...settings, epochs, learningRate: RATE, warmUp: 0, clip: 0, optimizer: 'adamw' },
        loss: LOSS,
        // The penalty is a share of the error of answering nothing, so that it means the same everywhere.
        constraints: [roundingRegularizer(parameters, [fake], strength * power)],
        random: context.random.fork(`layer ${i}`),
        key: `layer ${i}`,
        scratch,
        stopRequested: () => context.stopRequested?.() ?? false,
        progress: (done) => context.progress((i + done) / layers.length, doing),
      })
      const learned = hardened(parameters.view(0))
      const better = (await error(learned)) < before
      if (better) closer++
      const { dims } = model.graph.initializers.get(fake.latent)!
      model.graph.initializers.set(fake.latent, Tensor.float32(dims, better ? learned : start))
    } finally {
      await validator.release()
      await teacher.release()
    }
  }
  return closer
}
