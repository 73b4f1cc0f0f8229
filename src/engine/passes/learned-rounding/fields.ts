/** Parameters that the passes share which learn low-bit weights. */
import { z } from 'zod'
import { learningFields, teacherFields } from '../../training/settings'
import { OBJECTIVES } from './objective'

/** What the weights become. */
export const lowBitFields = {
  block: z.int().min(0).max(4096).default(64).meta({
    label: 'Block (size)',
    help: 'Weights that share a step size; 0 for one per output channel.',
    advanced: true,
  }),
  symmetric: z.boolean().default(false).meta({
    label: 'Symmetric',
    help: 'No zero points: a little smaller, a little less exact.',
    advanced: true,
  }),
  leastWeights: z.int().min(0).default(1024).meta({
    label: 'Smallest layer',
    help: 'Layers with fewer weights stay float.',
    unit: 'weights',
    advanced: true,
  }),
}

/** Weight of matching what the layers inside the original give. */
export const featuresField = (weight: number) =>
  z.number().min(0).max(100).default(weight).meta({
    label: 'Layer by layer (feature distillation)',
    help: 'Weight of matching what the layers inside the original give; 0 compares answers only.',
    advanced: true,
  })

/**
 * Rounded weights start close to their goal and move by whole steps: many small updates serve them better than
 * few exact ones, and how many they need does not depend on how much data there is.
 */
export const roundedLearningFields = {
  ...learningFields,
  epochs: z.int().min(0).max(1000).default(0).meta({
    label: 'Epochs',
    help: 'How many times the training data is gone through; 0 goes through it as often as some 450 updates take, 2 to 30 times.',
  }),
  // While the rate is high, weights hop between levels and the loss rises; what was won shows once it has fallen.
  patience: learningFields.patience.default(30).meta(learningFields.patience.meta()!),
  // What only has to stay as it was is learned best from samples as they are: half a decibel, on two networks.
  augmentation: learningFields.augmentation.default(0).meta(learningFields.augmentation.meta()!),
  batchSize: learningFields.batchSize.default(16).meta(learningFields.batchSize.meta()!),
}

/** What low-bit weights are trained for, and what of the teacher and the samples goes with it. */
export const objectiveFields = {
  objective: z.enum(OBJECTIVES).default('auto').meta({
    label: 'Aim (training objective)',
    help: '"distill" keeps what the original answers, mistakes included. "finetune" learns from labels and altered samples too, and may end better than the original, with other mistakes. "auto" finetunes where the original knows its training samples by heart (its accuracy on them is ten points above that on others), and distills elsewhere.',
  }),
  // Rounding has to keep what the original answers, not only which class wins; logits tell where it is very sure.
  compared: teacherFields.compared.default('logits').meta({
    ...teacherFields.compared.meta()!,
    label: 'Compared by, distilling',
  }),
  teacherShare: teacherFields.teacherShare.default(0.5).meta({
    ...teacherFields.teacherShare.meta()!,
    label: 'Teacher share, finetuning',
    advanced: true,
  }),
  augmentation: learningFields.augmentation.default(1).meta({
    ...learningFields.augmentation.meta()!,
    label: 'Altered samples, finetuning (data augmentation)',
  }),
  temperature: teacherFields.temperature,
  // Asked between the training samples too, it was followed more closely on three networks at 2 and 4 bits.
  mixup: teacherFields.mixup.default(0.5).meta(teacherFields.mixup.meta()!),
}
