/** Whether a score can be told from that of guessing, which mostly fails where the data is read wrongly or the samples are few. */
import { inCommon, isBeyondChance, sameClass } from '../data/chance'
import { BEYOND_CHANCE, skillOfClasses } from '../data/skill'
import type { ModelQuality } from '../evaluate/quality'
import { taskOf } from '../tasks'
import { SET_BITS } from '../tasks/multi-label'

/** `few`: not told from chance, and on so few samples half of what there is to know would not be. */
export type Evidence = 'told' | 'chance' | 'few'

export function evidenceOf(
  { quality, samples }: Pick<ModelQuality, 'quality' | 'samples'>,
  classes: number,
): Evidence {
  const { protects, noSkill, metric } = taskOf(quality.task)
  const { answer } = samples
  const label = samples.label as number[]
  if (protects === 'class') return isBeyondChance(answer, label, sameClass) ? 'told' : withoutEvidence(label)
  if (noSkill === undefined)
    // Answers that are all alike say that a threshold lies elsewhere, not what is known.
    return protects !== 'several' || new Set(answer).size < 2 || classes > SET_BITS
      ? 'told'
      : isBeyondChance(answer, label, inCommon)
        ? 'told'
        : withoutEvidence(label)
  if (metric !== quality.metric) return 'told'
  if (quality.value <= noSkill) return 'chance'
  return quality.interval[0] < noSkill ? 'few' : 'told'
}

const withoutEvidence = (labels: readonly number[]): Evidence =>
  skillOfClasses(labels, labels).z / 2 < BEYOND_CHANCE ? 'few' : 'chance'
