import { z } from 'zod'
import { withMasks } from '../training/constraints'
import { gradualPruning } from '../training/gradual-pruning'
import { noneOf } from '../layers/left-out'
import { learn, trainingAnswer } from '../training/learn'
import { learningFields, teacherFields } from '../training/settings'
import { matrixWeights } from '../training/trainable'
import { PareError } from '../../contract/errors'
import { definePass } from './pass'

const ID = 'prune-gradually'

/** Share of the training over which zeros grow; the rest of it recovers. */
const RAMP = 0.6

const params = z.object({
  sparsity: z
    .number()
    .min(0)
    .max(0.995)
    .default(0.9)
    .meta({
      label: 'Zeros at the end (final sparsity)',
      help: 'Share of the weights that become zero. Zeros shrink the download; dense runtimes do not get faster from them.',
      told: '{%} zeros',
      search: [0.8, 0.9, 0.95],
    }),
  ...learningFields,
  ...teacherFields,
})

export const pruneGradually = definePass({
  id: ID,
  title: 'Prune weights while training',
  term: 'gradual pruning',
  family: 'pruning',
  role: 'removes',
  summary:
    'Turns the least important weights into zeros little by little, while the others learn from the original to do without.',
  sources: ['arXiv:1710.01878', 'arXiv:2010.07611', 'arXiv:1510.00149'],
  needs: ['training'],
  params,
  async run(model, { sparsity, ...settings }, context) {
    let names: string[] = []
    const learned = await learn(model, context, {
      by: ID,
      settings,
      labels: true,
      teacher: { model: context.original, settings },
      keepShared: false,
      constraints(parameters) {
        names = matrixWeights(parameters)
        if (names.length === 0)
          throw new PareError('model/nothing-to-do', {
            by: ID,
            reason: noneOf(model.graph, 'weight matrices or kernels'),
          })
        return [gradualPruning(parameters, { weights: names, sparsity, ramp: RAMP })]
      },
    })
    const { parameters } = learned.result
    const counted = names.map((name) => parameters.view(parameters.names.indexOf(name)))
    const total = counted.reduce((n, view) => n + view.length, 0)
    const zeros = counted.reduce((n, view) => n + view.reduce((k, w) => k + (w === 0 ? 1 : 0), 0), 0)
    const zero = `${((100 * zeros) / total).toFixed(1)}% of ${total.toLocaleString('en')} weights are zero; `
    return { ...trainingAnswer(learned, zero), model: withMasks(learned.model, names) }
  },
})
