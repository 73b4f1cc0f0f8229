import { describe, expect, test } from 'vitest'
import type { Dataset } from '../../../../src/engine/data/dataset'
import {
  settingsForObjective,
  type TrainingObjective,
} from '../../../../src/engine/passes/learned-rounding/objective'
import { quantizeAware } from '../../../../src/engine/passes/quantize-aware'
import { learn } from '../../../../src/engine/training/learn'
import { contextOf, perceptron, points, settingsOf, teachingOf } from '../../training/support'

const start = perceptron(6)
const { model: original } = await learn(start, contextOf(start, points()), {
  by: 'test',
  labels: true,
  settings: settingsOf({ epochs: 15 }),
})

/** Calibration samples from elsewhere: what the original says of them is right for a third. */
function byHeart(change: { origin?: 'shared'; count?: number; labels?: 'none' } = {}): Dataset {
  const { count = 96, labels, origin = 'given' } = change
  const data = points(labels && { labels })
  const other = points({ count, labels: labels ?? 'one class' }).splits.training
  return { ...data, splits: { ...data.splits, calibration: { ...other, name: 'calibration', origin } } }
}

/** As many calibration samples, labelled as the training samples are. */
function sameElsewhere(): Dataset {
  const data = points()
  const { validation } = data.splits
  return { ...data, splits: { ...data.splits, calibration: { ...validation, name: 'calibration' } } }
}

const settings = {
  ...settingsOf({ augmentation: 1, learningRate: 0 }),
  ...teachingOf({ teacherShare: 0.5, mixup: 0.3 }),
}
const of = (objective: TrainingObjective, data: Dataset) =>
  settingsForObjective(contextOf(original, data), { ...settings, objective })

const DISTILLING = { teacherShare: 1, mixup: 0.3, compared: 'probabilities' }

describe('what low-bit training aims for', () => {
  test('auto: learning where the original knows its training samples by heart, and it says so', async () => {
    const found = await of('auto', byHeart())
    expect(found.teacher.teacherShare).toBe(0.5)
    expect(found.settings.augmentation).toBe(1)
    expect(found.updates).toBeGreaterThan(450)
    expect(found.notes.join()).toMatch(
      /right on (9\d|100)\.\d% of its training samples but on 3\d\.\d% of others/,
    )
  })

  test.each([
    ['it does as well on others', sameElsewhere()],
    ['the others are the training samples', byHeart({ origin: 'shared' })],
    ['there are too few others', byHeart({ count: 32 })],
    ['there are no labels', byHeart({ labels: 'none' })],
  ])('auto: imitating where %s', async (_, data) => {
    const found = await of('auto', data)
    expect(found.teacher).toMatchObject(DISTILLING)
    expect(found.settings.augmentation).toBe(0)
    expect(found).toMatchObject({ notes: [] })
    expect(found.updates).toBeUndefined()
  })

  test('what is asked for is done, and needs no reason', async () => {
    const imitating = await of('distill', byHeart())
    expect(imitating.teacher).toMatchObject(DISTILLING)
    const learning = await of('finetune', points())
    expect(learning.teacher).toMatchObject({ teacherShare: 0.5, compared: 'probabilities' })
    expect([...imitating.notes, ...learning.notes]).toEqual([])
  })

  test('the pass says why it learned from labels', async () => {
    const params = { bits: 4, leastWeights: 16, epochs: 1, heldOut: 0.25 }
    const run = async (data: Dataset): Promise<string> =>
      (await quantizeAware.run(original, params, contextOf(original, data))).summary
    expect(await run(byHeart())).toContain('objective: finetune')
    expect(await run(sameElsewhere())).not.toContain('objective: finetune')
  })
})
