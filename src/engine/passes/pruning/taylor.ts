/**
 * How much the loss would change without a weight, to first order: |w · ∂loss/∂w|, summed over batches.
 * Source: Molchanov et al., arXiv:1906.10771, eq. 6.
 */
import { PareError } from '../../../contract/errors'
import type { Batch } from '../../data/dataset'
import type { Model } from '../../onnx'
import { signatureOf } from '../../runtime'
import { chooseObjective } from '../../training/objective'
import { StepRunner } from '../../training/step'
import { matrixWeights, Parameters, trainableWeights } from '../../training/trainable'
import type { PassContext } from '../pass'
import type { WeightImportance } from './scores'

const MICRO = 16

/**
 * Scores of every element of the model's matrices and kernels on labelled training (else calibration) samples.
 * Throws `data/labels-missing`, `data/split-missing`, and what training says of operators without a gradient.
 */
export async function taylorImportance(
  model: Model,
  context: PassContext,
  by: string,
  samples: number,
): Promise<WeightImportance> {
  const { training, calibration } = context.data?.splits ?? {}
  const split = training && training.length > 0 ? training : calibration
  if (!split || split.length === 0 || !context.data)
    throw new PareError('data/split-missing', { split: 'training', by })
  const all = Parameters.of(model, trainableWeights(model.graph))
  const parameters = Parameters.of(model, matrixWeights(all))
  const scores = new Float64Array(parameters.values.length)
  const gradients = new Float32Array(scores.length)
  let runner: StepRunner | undefined
  let done = 0
  try {
    for await (const batch of split.batches(signatureOf(model).batch ?? MICRO, {
      limit: samples,
      signal: context.signal,
    })) {
      runner ??= await open(model, context, batch, parameters, by)
      await runner.gradients({ batch }, 1 / batch.indices.length, parameters, gradients, {
        alpha: 0,
        temperature: 1,
      })
      for (let i = 0; i < scores.length; i++) scores[i]! += Math.abs(gradients[i]! * parameters.values[i]!)
      done += batch.indices.length
      context.progress(0.2 * Math.min(1, done / samples), 'measuring what the loss thinks of each weight')
    }
  } finally {
    await runner?.release()
  }
  return new Map(
    parameters.names.map((name, i) => [
      name,
      scores.subarray(parameters.offsets[i], parameters.offsets[i]! + parameters.sizes[i]!),
    ]),
  )
}

async function open(
  model: Model,
  context: PassContext,
  batch: Batch,
  parameters: Parameters,
  by: string,
): Promise<StepRunner> {
  if (!batch.labels) throw new PareError('data/labels-missing', { by })
  const objective = await chooseObjective(model, context.data!, batch, context.original)
  return new StepRunner({
    model,
    spec: {
      kind: objective.kind,
      value: objective.value,
      classAxis: objective.classAxis,
      hard: true,
      soft: false,
      ...(objective.structured && { structured: objective.structured }),
    },
    trainable: parameters.names,
    micro: signatureOf(model).batch ?? MICRO,
  })
}
