/** Whether training with few bits should keep the original's answers or may look for better ones. */
import type { Split } from '../../data/dataset'
import { measureQuality } from '../../evaluate/quality'
import type { LearningSettings, TeacherSettings } from '../../training/settings'
import type { PassContext } from '../pass'
import { taskOf } from '../../tasks'

export const OBJECTIVES = ['auto', 'distill', 'finetune'] as const
export type TrainingObjective = (typeof OBJECTIVES)[number]

/** The original knows its training samples by heart where its accuracy on them is this far above that on others. */
const BY_HEART = 0.1
/** Fewest samples of either kind to tell by, and most. */
const LEAST_SAMPLES = 64
const MOST_SAMPLES = 1024

/** Learning takes the updates and the rate of ordinary training. */
const LEARNING_UPDATES = 4400
const LEARNING_RATE = 3e-4

type GivenSettings = LearningSettings & TeacherSettings & { objective: TrainingObjective }

interface ObjectiveSettings {
  settings: LearningSettings
  teacher: TeacherSettings
  /** Updates to aim for where the number of epochs is left open; the usual where absent. */
  updates?: number
  /** Learning rate of AdamW for weights brought to one size, where it is left open; the usual where absent. */
  rate?: number
  /** Why, where it was not asked for. */
  notes: string[]
}

/** Settings for an objective. `auto` asks the original about training and calibration samples. */
export async function settingsForObjective(
  context: PassContext,
  { objective, ...given }: GivenSettings,
): Promise<ObjectiveSettings> {
  const { compared, teacherShare, temperature, mixup, augmentation, ...settings } = given
  const known = objective === 'auto' ? await knownByHeart(context) : undefined
  if (objective === 'distill' || (objective === 'auto' && !known))
    return {
      settings: { ...settings, augmentation: 0 },
      teacher: { teacherShare: 1, compared, temperature, mixup },
      notes: [],
    }
  return {
    settings: { ...settings, augmentation },
    teacher: { teacherShare, compared: 'probabilities', temperature, mixup },
    updates: LEARNING_UPDATES,
    rate: LEARNING_RATE,
    notes: known ? [sentenceOf(known)] : [],
  }
}

interface Known {
  training: number
  others: number
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`

const sentenceOf = ({ training, others }: Known): string =>
  `The original is right on ${percent(training)} of its training samples but on ${percent(others)} of others, so it was not only distilled (objective: finetune).`

const labelled = async (split: Split): Promise<boolean> => {
  for await (const { labels } of split.batches(1, { limit: 1 })) return labels !== undefined
  return false
}

/** The original's accuracy on training samples and on others, where the first is clearly far above; else undefined. */
async function knownByHeart({ original, data, signal, progress }: PassContext): Promise<Known | undefined> {
  if (!data || taskOf(data.task).protects !== 'class') return undefined
  const { training, calibration } = data.splits
  if (calibration.origin === 'shared') return undefined
  if (Math.min(training.length, calibration.length) < LEAST_SAMPLES) return undefined
  if (!(await labelled(training)) || !(await labelled(calibration))) return undefined
  progress(0, 'asking the original about training samples and others')
  const measured = async (
    split: 'training' | 'calibration',
  ): Promise<{ share: number; variance: number }> => {
    const options = { dataset: data, split, limit: MOST_SAMPLES, shuffle: 0, signal }
    const { value, samples } = (await measureQuality(original, [], options)).original.quality
    return { share: value, variance: (value * (1 - value)) / samples }
  }
  const own = await measured('training')
  const other = await measured('calibration')
  const doubt = 2 * Math.sqrt(own.variance + other.variance)
  return own.share - other.share > Math.max(BY_HEART, doubt)
    ? { training: own.share, others: other.share }
    : undefined
}
