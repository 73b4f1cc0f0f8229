/** Settings every pass that learns shares, as parameters a person sees. */
import { z } from 'zod'
import { COMPARED } from './losses'
import { OPTIMIZERS } from './optimizer'

export const learningFields = {
  epochs: z.int().min(1).max(1000).default(10).meta({
    label: 'Epochs',
    help: 'How many times the training data is gone through. Training ends earlier when the held-out part stops improving.',
  }),
  learningRate: z.number().min(0).max(10).default(0).meta({
    label: 'Learning rate',
    help: 'Size of the steps; it rises during warm-up, then falls along a cosine. 0 finds one by short trials.',
  }),
  batchSize: z.int().min(1).max(4096).default(32).meta({
    label: 'Batch size',
    help: 'Samples per update of the weights.',
    advanced: true,
  }),
  microBatch: z.int().min(1).max(4096).default(64).meta({
    label: 'Micro-batch',
    help: 'Samples per run; gradients of several runs are added up. Lower it when memory is short. Models with a fixed batch use theirs.',
    advanced: true,
  }),
  optimizer: z.enum(OPTIMIZERS).default('adamw').meta({
    label: 'Optimizer',
    help: 'AdamW adapts its steps to each weight; SGD with momentum is plainer.',
    advanced: true,
  }),
  momentum: z.number().min(0).max(0.999).default(0.9).meta({
    label: 'Momentum',
    help: 'How long past gradients are remembered (β₁ of AdamW).',
    advanced: true,
  }),
  weightDecay: z.number().min(0).max(1).default(0).meta({
    label: 'Weight decay',
    help: 'Pull of weight matrices towards zero.',
    advanced: true,
  }),
  warmUp: z.number().min(0).max(0.9).default(0.05).meta({
    label: 'Warm-up',
    help: 'Share of the steps over which the learning rate rises.',
    advanced: true,
  }),
  clip: z.number().min(0).max(1000).default(5).meta({
    label: 'Gradient limit (norm clipping)',
    help: 'Longest gradient allowed, as a Euclidean norm; 0 for no limit.',
    advanced: true,
  }),
  heldOut: z.number().min(0).max(0.5).default(0.1).meta({
    label: 'Held-out share (validation)',
    help: 'Part of the training data that only validates the epochs; the best epoch is kept. Calibration samples are used instead where there are 64 or more. 0 validates nothing and keeps the last epoch.',
    advanced: true,
  }),
  augmentation: z.number().min(0).max(2).default(1).meta({
    label: 'Altered samples (data augmentation)',
    help: 'How much samples are altered each time they are seen, so that they are not learned by heart. At 1, pictures are moved by up to 7% of a side, turned by 9°, scaled and sheared by 10%; signals shifted by 10% of their length and made 20% stronger or weaker; up to 60% of the tokens of a text replaced. Other numbers stay, and so do samples with labels other than classes. 0 alters nothing.',
    advanced: true,
  }),
  patience: z.int().min(1).max(1000).default(8).meta({
    label: 'Patience (early stopping)',
    help: 'Epochs without improvement on the held-out part before training ends.',
    advanced: true,
  }),
}

export const teacherFields = {
  teacherShare: z.number().min(0).max(1).default(0.7).meta({
    label: 'Teacher share',
    help: 'How much of the loss is agreeing with the original; the rest is agreeing with labels. Without labels it is all.',
  }),
  compared: z.enum(COMPARED).default('probabilities').meta({
    label: 'Compared by',
    help: '"probabilities" matches how sure the original is of each class; "logits" matches the numbers behind them, which says more where the original is very sure. Models that give numbers, not classes, are compared by these.',
    advanced: true,
  }),
  temperature: z.number().min(0.5).max(20).default(3).meta({
    label: 'Temperature',
    help: 'Softens the probabilities of the original, so that its doubts are learned too. Logits are compared as they are.',
    advanced: true,
  }),
  mixup: z.number().min(0).max(1).default(0).meta({
    label: 'Blended samples (mixup)',
    help: 'Share of batches made of blends of two samples, on which the original is asked again. Helps when training samples are few.',
    advanced: true,
  }),
}

export type LearningSettings = {
  [K in keyof typeof learningFields]: z.output<(typeof learningFields)[K]>
}

export type TeacherSettings = {
  [K in keyof typeof teacherFields]: z.output<(typeof teacherFields)[K]>
}
