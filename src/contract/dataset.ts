/** Datasets as a screen shows them, and preprocessing as data. */
import { z } from 'zod'
import { AudioFeatures } from './audio-features'
import { Plain } from './plain'

export const SPLITS = ['calibration', 'training', 'validation'] as const
/** @useDeclaredType */
export type SplitName = (typeof SPLITS)[number]

const LIKENESS = { score: 'how like the original’s output it is', as: 'share' } as const
const SURE = { score: 'how sure the model is', as: 'sureness' } as const

/** What is learned from a dataset; decides the metric. With each, what stands beside an answer to a sample. */
const TASK_WORDS = {
  classification: SURE,
  'multi-label': SURE,
  regression: { score: 'how far off it is', as: 'distance' },
  'language-model': { score: 'how likely it finds each true token', as: 'sureness' },
  embedding: LIKENESS,
  segmentation: { score: 'the overlap with the truth', as: 'share' },
  matting: { score: 'the mean error of a pixel', as: 'distance' },
  detection: { score: 'F1 of its boxes', as: 'share' },
  keypoints: { score: 'the likeness of its keypoints (OKS)', as: 'share' },
  events: { score: 'how likely it finds an event', as: 'sureness' },
  tagging: { score: 'F1 of its entities', as: 'share' },
  restoration: { score: 'signal to noise in decibel', as: 'distance' },
  transcription: { score: 'the share of characters that are wrong', as: 'share' },
  unlabelled: LIKENESS,
} as const satisfies Record<string, TaskWords>

interface TaskWords {
  score: string
  as: 'sureness' | 'share' | 'distance' | 'number'
}

/** Those of Pare itself. */
export const TASKS = Object.keys(TASK_WORDS) as (keyof typeof TASK_WORDS)[]

/** Plug-ins bring tasks of their own; which there are the engine knows. */
export const Task = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,99}$/)
  .describe(`${TASKS.join(', ')}, or one of a plug-in`)
export type Task = z.output<typeof Task>

export interface TaskDescription {
  id: Task
  metric: string
}

export const taskWords = (task: Task): TaskWords =>
  Object.hasOwn(TASK_WORDS, task)
    ? TASK_WORDS[task as keyof typeof TASK_WORDS]
    : { score: 'its score', as: 'number' }

export type DatasetKind = 'images' | 'npz' | 'table' | 'parquet' | 'text' | 'audio' | 'random'

/** Of pictures that are asked for: no model takes larger ones. */
const LARGEST_SIDE = 2 ** 15

/**
 * How a raw sample becomes the model's input. Exported in the bundle, so that a device does the same:
 * value = ((pixel · scale) − mean) / std per channel, after resize and crop, in the order and layout named.
 */
export const ImagePreprocessing = z.strictObject({
  kind: z.literal('image'),
  width: z.int().positive().max(LARGEST_SIDE),
  height: z.int().positive().max(LARGEST_SIDE),
  channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
  resize: z.enum(['stretch', 'shortest-side-then-crop', 'letterbox']).default('stretch'),
  /** Side the image is resized to before a centre crop, as a multiple of the crop; 256/224 for ImageNet. */
  cropRatio: z.number().min(1).max(2).default(1),
  order: z.enum(['rgb', 'bgr']).default('rgb'),
  layout: z.enum(['nchw', 'nhwc', 'flat']).default('nchw'),
  scale: z.number().default(1 / 255),
  mean: z.array(z.number()).default([0]),
  std: z.array(z.number()).default([1]),
  invert: z.boolean().default(false),
})

/** value = (raw · scale − mean) / std, for the floating-point inputs of the highest rank (the others stay as they are). */
export const ArrayPreprocessing = z.strictObject({
  kind: z.literal('array'),
  scale: z.number().default(1),
  mean: z.array(z.number()).default([0]),
  std: z.array(z.number()).default([1]),
  /** Channels in the opposite order, as blue first is of red first. */
  reversed: z.boolean().optional(),
  /** How flat rows of pixels lie, where not as the model takes them: channel after channel, or pixel after pixel. */
  stored: z.enum(['chw', 'hwc']).optional(),
  /** Which array or columns feed which input; empty where names agree. */
  columns: z.record(z.string(), z.string()).default({}),
})

export const TextPreprocessing = z.strictObject({
  kind: z.literal('text'),
  maxLength: z
    .int()
    .positive()
    .max(2 ** 20),
  padId: z.int().nonnegative().default(0),
})

export const AudioPreprocessing = z.strictObject({
  kind: z.literal('audio'),
  sampleRate: z
    .int()
    .positive()
    .max(2 ** 22),
  samples: z
    .int()
    .positive()
    .max(2 ** 28),
  channels: z.int().positive().max(256).default(1),
  scale: z.number().default(1),
  /** What the model hears instead of the wave. */
  features: AudioFeatures.optional(),
})

export const Preprocessing = z.discriminatedUnion('kind', [
  ImagePreprocessing,
  ArrayPreprocessing,
  TextPreprocessing,
  AudioPreprocessing,
])
export type Preprocessing = z.output<typeof Preprocessing>

/** How a long log is cut: rows of a window, rows from the start of one to the next, and which of their labels it has. */
export const WindowSpec = z.strictObject({
  length: z.int().positive().optional(),
  stride: z.int().positive().optional(),
  /** The most frequent, the last, or any that says that something happens. Default: most. */
  label: z.enum(['most', 'last', 'any']).optional(),
})
export type WindowSpec = z.output<typeof WindowSpec>

/**
 * How raw samples become the inputs and labels of a model, as far as it is said or was found: what is not there is
 * recognised. A JSON file that people can keep, share and edit; every command takes it.
 */
export const DataSpec = z.strictObject({
  /** The column or array that holds the labels. */
  label: z.string().min(1).optional(),
  /** Input → column or array. */
  columns: z.record(z.string(), z.string()).optional(),
  task: Task.optional(),
  /** The output that is judged. */
  output: z.string().min(1).optional(),
  /** Outputs that nobody uses: they may become anything. All others are held to the original's. */
  unused: z.array(z.string().min(1)).optional(),
  /** Class names in the order of the model's outputs. */
  classes: z.array(z.string()).optional(),
  /** How boxes or keypoints lie in the outputs, where that is not recognised: "yolov8", "ssd", "heatmaps" … */
  boxes: z.string().min(1).optional(),
  /** How a long log of channels is cut into samples. */
  window: WindowSpec.optional(),
  /** Seconds from one sample to the next, for rates of false alarms; of sounds it is known. */
  seconds: z.number().positive().optional(),
  /** Fields of a preprocessing, all or some; checked against the data when it is opened. */
  preprocessing: z.record(z.string(), Plain).optional(),
  /** What was found about the way to read the data, in plain words: stands in every report. */
  notes: z.array(z.string()).optional(),
})
export type DataSpec = z.output<typeof DataSpec>

/** Which of it are labels and inputs, and what is judged: what is not said is recognised. */
export const DataRoles = DataSpec.pick({ label: true, columns: true, task: true, output: true })
export type DataRoles = z.output<typeof DataRoles>

/** Reasons to doubt what is measured on a dataset, the gravest first. */
export const DOUBTS = [
  'guessing',
  'labels-constant',
  'training-scored',
  'overlap',
  'grey',
  'few-samples',
  'classes-missing',
] as const

export interface Doubt {
  kind: (typeof DOUBTS)[number]
  /** One plain sentence. */
  message: string
}

export interface SplitSummary {
  samples: number
  /** 'given' by the dataset, or 'made' by Pare from what was there (seeded, stratified). */
  origin: 'given' | 'made' | 'shared'
}

export interface DatasetSummary {
  kind: DatasetKind
  task: Task
  /** One plain sentence: "1,797 images in 10 class folders". */
  description: string
  samples: number
  splits: Record<SplitName, SplitSummary>
  /** Class names in the order of the model's outputs. */
  classes?: string[]
  classCounts?: number[]
  preprocessing: Preprocessing
  /** What the samples themselves give reason to doubt. */
  doubts?: Doubt[]
  /** Things a person should know, in plain words. */
  notes: string[]
}

/** One sample as a person sees it. */
export interface SamplePreview {
  index: number
  title: string
  label?: string
  /** A small PNG as a data URL for images; absent otherwise. */
  thumbnail?: string
  text?: string
  /** A few series for signals, at most 256 points each. */
  series?: number[][]
  values?: { name: string; value: number | string }[]
}
