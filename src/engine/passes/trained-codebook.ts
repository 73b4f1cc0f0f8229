import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { fromCodebook, sharedValues } from '../math/quantize/kmeans'
import { Tensor, type Model } from '../onnx'
import { withMasks } from '../training/constraints'
import { learn, trainingAnswer } from '../training/learn'
import { learningFields, teacherFields } from '../training/settings'
import { noneOf } from '../layers/left-out'
import { withWeightInitializers } from '../layers/normalize'
import { Parameters, matrixWeights, trainableWeights } from '../training/trainable'
import { definePass } from './pass'
import { BITS_TOLD } from './fields'

const ID = 'trained-codebook'

const params = z.object({
  bits: z
    .int()
    .min(1)
    .max(8)
    .default(5)
    .meta({
      label: 'Bits',
      help: 'Every weight tensor keeps at most 2 to this power different values, zero among them.',
      told: BITS_TOLD,
      search: [4, 5],
    }),
  ...learningFields,
  ...teacherFields,
})

/** Weights with this many elements or fewer keep their values: a codebook would be as large. */
const SMALL = 64

export const trainedCodebook = definePass({
  id: ID,
  title: 'Share and train values',
  term: 'trained weight clustering',
  family: 'sharing',
  role: 'encodes',
  after: ['removes', 'prepares'],
  summary:
    'Lets the weights of each layer share a few values found by k-means, and trains those values against the original.',
  sources: ['arXiv:1510.00149'],
  needs: ['training'],
  params,
  async run(model, { bits, ...settings }, context) {
    const { shared, names } = share(model, bits)
    if (names.length === 0)
      throw new PareError('model/nothing-to-do', {
        by: ID,
        reason: noneOf(model.graph, 'float32 weight matrices or kernels'),
      })
    const learned = await learn(shared, context, {
      by: ID,
      settings,
      labels: true,
      teacher: { model: context.original, settings },
    })
    return trainingAnswer(learned, `${names.length} weight tensors share ${2 ** bits} values each; `)
  },
})

function share(source: Model, bits: number): { shared: Model; names: string[] } {
  const { model: shared } = withWeightInitializers(source)
  const { initializers } = shared.graph
  const parameters = Parameters.of(shared, trainableWeights(shared.graph))
  const names = matrixWeights(parameters).filter((name) => initializers.get(name)!.size > SMALL)
  for (const name of names) {
    const tensor = initializers.get(name)!
    const codebook = sharedValues(tensor.floats(), 2 ** bits, { keepZeros: true })
    initializers.set(name, Tensor.float32(tensor.dims, fromCodebook(codebook)))
  }
  return { shared: withMasks(shared, names), names }
}
