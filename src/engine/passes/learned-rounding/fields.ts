/** Parameters that the passes share which learn low-bit weights. */
import { z } from 'zod'
import { learningFields, teacherFields, withDefaults } from '../../training/settings'
import { OBJECTIVES } from './objective'

/**
 * Rounded weights start close to their goal and move by whole steps: many small updates serve them better than
 * few exact ones, and how many they need does not depend on how much data there is. While the rate is high, weights hop
 * between levels and the loss rises; what was won shows once it has fallen.
 */
export const roundedLearningFields = withDefaults(learningFields, { epochs: 0, patience: 30, batchSize: 16 })

/** What low-bit weights are trained for, and what of the teacher and the samples goes with it. */
export const objectiveFields = {
  objective: z.enum(OBJECTIVES).default('auto').meta({
    label: 'Aim (training objective)',
    help: '"distill" keeps what the original answers, mistakes included. "finetune" learns from labels and altered samples too, and may end better than the original, with other mistakes. "auto" finetunes where the original knows its training samples by heart (its accuracy on them is ten points above that on others), and distills elsewhere. Samples are altered, and labels weighed, only where it finetunes; where it distills, the teacher is all there is.',
  }),
  // Rounding has to keep what the original answers, not only which class wins; logits tell where it is very sure.
  // Asked between the training samples too, it was followed more closely on three networks at 2 and 4 bits.
  ...withDefaults(teacherFields, { compared: 'logits', teacherShare: 0.5, mixup: 0.5 }),
}
