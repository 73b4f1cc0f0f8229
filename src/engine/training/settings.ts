/** Settings every pass that learns shares, as parameters a person sees: one dial, and a group of their own. */
import { z } from 'zod'
import type { ParameterGroup } from '../../contract/passes'
import { COMPARED } from './losses'
import { OPTIMIZERS } from './optimizer'

const group: ParameterGroup = 'training'

export const learningFields = {
  effort: z
    .number()
    .min(0.1)
    .max(10)
    .default(1)
    .meta({
      label: 'Effort',
      help: 'How long to learn: at 1 the training data is gone through as often as is usual here, at 2 twice as often. It ends earlier when held-out samples stop improving.',
      told: '{} times as long',
      fidelity: [0.3, 1, 3],
    }),
  epochs: z.int().min(0).max(1000).default(10).meta({
    label: 'Epochs',
    help: 'How many times the training data is gone through at an effort of 1. 0 goes through it as often as some 450 updates take, or 4,400 where weights of few bits learn from labels; 2 to 30 times.',
    group,
  }),
  learningRate: z.number().min(0).max(10).default(0).meta({
    label: 'Learning rate',
    help: 'Size of the steps; it rises during warm-up, then falls along a cosine. 0 finds one by short trials, or takes the one that suits weights of few bits.',
    group,
  }),
  batchSize: z.int().min(1).max(4096).default(32).meta({
    label: 'Batch size',
    help: 'Samples per update of the weights.',
    group,
  }),
  microBatch: z.int().min(1).max(4096).default(64).meta({
    label: 'Micro-batch',
    help: 'Samples per run; gradients of several runs are added up. Lower it when memory is short. Models with a fixed batch use theirs.',
    group,
  }),
  optimizer: z.enum(OPTIMIZERS).default('adamw').meta({
    label: 'Optimizer',
    help: 'AdamW adapts its steps to each weight; SGD with momentum is plainer.',
    group,
  }),
  momentum: z.number().min(0).max(0.999).default(0.9).meta({
    label: 'Momentum',
    help: 'How long past gradients are remembered (β₁ of AdamW).',
    group,
  }),
  weightDecay: z.number().min(0).max(1).default(0).meta({
    label: 'Weight decay',
    help: 'Pull of weight matrices towards zero.',
    group,
  }),
  warmUp: z.number().min(0).max(0.9).default(0.05).meta({
    label: 'Warm-up',
    help: 'Share of the steps over which the learning rate rises.',
    group,
  }),
  clip: z.number().min(0).max(1000).default(5).meta({
    label: 'Gradient limit (norm clipping)',
    help: 'Longest gradient allowed, as a Euclidean norm; 0 for no limit.',
    group,
  }),
  heldOut: z.number().min(0).max(0.5).default(0.1).meta({
    label: 'Held-out share (validation)',
    help: 'Part of the training data that only validates the epochs; the best epoch is kept. Calibration samples are used instead where there are 64 or more. 0 validates nothing and keeps the last epoch.',
    group,
  }),
  augmentation: z.number().min(0).max(2).default(1).meta({
    label: 'Altered samples (data augmentation)',
    help: 'How much samples are altered each time they are seen, so that they are not learned by heart. At 1, pictures are moved by up to 7% of a side, turned by 9°, scaled and sheared by 10%; signals shifted by 10% of their length and made 20% stronger or weaker; up to 60% of the tokens of a text replaced. Other numbers stay, and so do samples with labels other than classes. 0 alters nothing.',
    group,
  }),
  patience: z.int().min(1).max(1000).default(8).meta({
    label: 'Patience (early stopping)',
    help: 'Epochs without improvement on the held-out part before training ends, at an effort of 1.',
    group,
  }),
}

export const teacherFields = {
  teacherShare: z.number().min(0).max(1).default(0.7).meta({
    label: 'Teacher share',
    help: 'How much of the loss is agreeing with the original; the rest is agreeing with labels. Without labels it is all.',
    group,
  }),
  compared: z.enum(COMPARED).default('probabilities').meta({
    label: 'Compared by',
    help: '"probabilities" matches how sure the original is of each class; "logits" matches the numbers behind them, which says more where the original is very sure. Models that give numbers, not classes, are compared by these.',
    group,
  }),
  temperature: z.number().min(0.5).max(20).default(3).meta({
    label: 'Temperature',
    help: 'Softens the probabilities of the original, so that its doubts are learned too. Logits are compared as they are.',
    group,
  }),
  mixup: z.number().min(0).max(1).default(0).meta({
    label: 'Blended samples (mixup)',
    help: 'Share of batches made of blends of two samples, on which the original is asked again. Helps when training samples are few.',
    group,
  }),
}

/** The same settings with other defaults. */
export function withDefaults<F extends Record<string, z.ZodDefault>>(
  fields: F,
  defaults: { [K in keyof F]?: z.output<F[K]> },
): F {
  const changed = Object.entries(defaults).map(([name, value]): [string, z.ZodDefault] => {
    const field = fields[name]!
    return [name, (field.unwrap() as z.ZodType).default(value).meta(field.meta()!)]
  })
  return { ...fields, ...Object.fromEntries(changed) }
}

export type LearningSettings = {
  [K in keyof typeof learningFields]: z.output<(typeof learningFields)[K]>
}

export type TeacherSettings = {
  [K in keyof typeof teacherFields]: z.output<(typeof teacherFields)[K]>
}
