import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { readModel } from '../onnx'
import { dropBranches } from '../training/depth'
import { learn, trainingAnswer } from '../training/learn'
import { learningFields, teacherFields, withDefaults } from '../training/settings'
import { features } from './fields'
import { definePass } from './pass'

const ID = 'distill'

const params = z.object({
  // Chosen on three networks with half their channels, with 5 and 20 epochs: more and smaller updates, and
  // questions between the samples there are, won the one with few samples a point and cost the others nothing.
  ...withDefaults(learningFields, { batchSize: 16, patience: 30 }),
  ...withDefaults(teacherFields, { mixup: 0.5 }),
  features: features(0, [0, 1]),
  depthCut: z.number().min(0).max(0.9).default(0).meta({
    label: 'Blocks to drop (depth pruning)',
    help: 'Share of the residual blocks taken out before training, those first that change the answers least. 0 keeps the depth.',
  }),
  student: z.string().default('').meta({
    label: 'Student file',
    help: 'An ONNX file with the same inputs and outputs that is trained instead of the model as compressed so far. Empty for none.',
    advanced: true,
  }),
})

export const distill = definePass({
  id: ID,
  title: 'Distill from the original',
  term: 'knowledge distillation',
  family: 'training',
  role: 'trains',
  summary: 'Trains the model as compressed so far to answer like the original; works without labels.',
  sources: ['arXiv:1503.02531', 'arXiv:1412.6550', 'arXiv:2106.05237'],
  needs: ['training'],
  params,
  check(_model, { student }) {
    if (student && !student.endsWith('.onnx'))
      throw new PareError('pass/bad-parameter', {
        pass: ID,
        parameter: 'student',
        reason: 'it is not an .onnx file',
      })
  },
  async run(model, { features, depthCut, student, ...settings }, context) {
    const given = student ? readModel(student) : model
    const cut = depthCut > 0 ? await dropBranches(given, depthCut, context) : { model: given, dropped: [] }
    const learned = await learn(cut.model, context, {
      by: ID,
      settings,
      labels: true,
      teacher: { model: context.original, settings, features },
    })
    const dropped = cut.dropped.length > 0 ? `Dropped ${cut.dropped.length} residual blocks. ` : ''
    return {
      ...trainingAnswer(learned, `${dropped}Distilled from the original: `),
      skipped: cut.dropped.map((layer) => ({ layer, reason: 'taken out: the answers hardly depend on it' })),
    }
  },
})
