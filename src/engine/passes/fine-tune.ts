import { z } from 'zod'
import { learn, trainingAnswer } from '../training/learn'
import { learningFields } from '../training/settings'
import { definePass } from './pass'

const ID = 'fine-tune'

export const fineTune = definePass({
  id: ID,
  title: 'Fine-tune',
  family: 'training',
  role: 'trains',
  summary:
    'Trains the model on labelled data for a few epochs, so that it recovers from what earlier steps took.',
  sources: ['arXiv:1412.6980', 'arXiv:1711.05101', 'arXiv:1608.03983'],
  needs: ['training', 'labels'],
  params: z.object(learningFields),
  async run(model, settings, context) {
    const learned = await learn(model, context, {
      by: ID,
      settings,
      labels: true,
      original: context.original,
    })
    return trainingAnswer(learned, 'Fine-tuned: ')
  },
})
