/**
 * What a loss would change if a weight were gone, to first order: |w · ∂loss/∂w|, averaged over batches.
 * Source: arXiv:1906.10771 (Taylor importance).
 */
import { sizeOf, type Model } from '../onnx'
import { float32 } from '../runtime'
import { firstBatch, fixedBatch, type LearningContext } from './learn'
import type { LossSpec } from './losses'
import { chooseObjective } from './objective'
import { Samples } from './samples'
import { StepRunner } from './step'
import { Parameters, trainableWeights, withWeightInitializers } from './trainable'
import { PareError } from '../../contract/errors'

const MICRO = 32

/**
 * Importance of every element of every float32 weight, in the weight's own layout, on at most `limit` samples of
 * the training or else the calibration split. Labelled data is judged by its loss; without labels the energy of
 * the answers takes its place. Throws `data/split-missing`, `model/unsupported-op`, `model/nothing-to-do`.
 */
export async function weightImportance(
  source: Model,
  context: LearningContext,
  options: { by: string; limit: number },
): Promise<Map<string, Float32Array>> {
  const model = withWeightInitializers(source)
  const { data } = context
  const split = data && (data.splits.training.length > 0 ? data.splits.training : data.splits.calibration)
  if (!data || !split || split.length === 0)
    throw new PareError('data/split-missing', { split: 'training', by: options.by })
  const samples = await Samples.open(split, context.signal, data.path)
  const micro = fixedBatch(model) ?? MICRO
  const first = await firstBatch(samples, micro)
  const objective = await chooseObjective(model, data.task, first.inputs, first.labels)
  const hard = first.labels !== undefined && data.task !== 'unlabelled' && data.task !== 'embedding'
  const { value, classAxis } = objective
  const spec: LossSpec = {
    kind: hard ? objective.kind : 'squared-error',
    value,
    classAxis,
    hard,
    soft: !hard,
  }
  const parameters = Parameters.of(model, trainableWeights(model.graph))
  const runner = new StepRunner({ model, spec, trainable: parameters.names, micro })
  const sums = new Float32Array(parameters.values.length)
  const gradients = new Float32Array(sums.length)
  const count = Math.min(options.limit, samples.count)
  const order = context.random.fork('importance').shuffle(Array.from({ length: samples.count }, (_, i) => i))
  let done = 0
  try {
    for await (const batch of samples.batches(order.slice(0, count), micro)) {
      context.progress(done / count, 'measuring what each weight does for the answers')
      gradients.fill(0)
      const dims = [batch.indices.length, ...objective.dims.slice(1)]
      const silent = float32(dims, new Float32Array(sizeOf(dims)))
      const share = 1 / batch.indices.length
      const teacher = hard ? undefined : [silent]
      await runner.accumulate({ batch, teacher }, share, parameters, gradients, { alpha: 1, temperature: 1 })
      for (let i = 0; i < sums.length; i++) sums[i]! += Math.abs(gradients[i]! * parameters.values[i]!)
      done += batch.indices.length
    }
  } finally {
    await runner.release()
  }
  return new Map(
    parameters.names.map((name, i) => {
      const start = parameters.offsets[i]!
      return [name, sums.slice(start, start + parameters.sizes[i]!)]
    }),
  )
}
