/** What most needs a look of the data: one banner, and one button that does something about it. */
import { expect, it, vi } from 'vitest'
import type { Doubt } from '../../../src/contract/dataset'
import type { LoadedData } from '../../../src/contract/project'
import { loadedData, project } from '../fake/fixtures'
import { openWindow, settle } from './render'

const doubt = (kind: Doubt['kind']): Doubt => ({ kind, message: `About ${kind}.` })

async function open(data: Partial<LoadedData>) {
  const value = { ...loadedData(), ...data }
  const file = { id: 'data', name: 'digits', bytes: 9, kind: 'dataset' as const }
  const { host, all } = await openWindow(
    { project: project({ data: { state: 'ready', file, value } }) },
    'project=digits&step=data',
  )
  const asked = vi.spyOn(host, 'invoke')
  const banners = all('.notice.warning')
  const buttons = banners.flatMap((banner) => [...banner.querySelectorAll('button')])
  return { asked, banners, button: buttons[0]!, count: buttons.length }
}

const { preprocessing, splits } = loadedData().summary
const better = { preprocessing, score: 0.99, better: true, explanation: 'inverted' }
const given = { ...splits, validation: { samples: 12, origin: 'given' as const } }
const summary = { ...loadedData().summary, splits: given }

it.each<[string, Partial<LoadedData>, string, string, string]>([
  [
    'another reading scores better, whatever else there is',
    { trials: [better], doubts: [doubt('guessing')] },
    'another way (inverted)',
    'Read it so',
    'data.setPreprocessing',
  ],
  [
    'it guesses',
    { doubts: [doubt('guessing')] },
    'About guessing.',
    'Try other ways',
    'data.findPreprocessing',
  ],
  [
    'few samples, and others that measure nothing',
    { doubts: [doubt('few-samples'), doubt('classes-missing')] },
    'About few-samples.',
    'Measure on half of all',
    'data.setSplits',
  ],
  [
    'few samples, shared out by whoever made them',
    { doubts: [doubt('few-samples')], summary },
    'About few-samples.',
    'Other data…',
    'project.clearData',
  ],
])('%s', async (_, data, says, does, method) => {
  const { asked, banners, button, count } = await open(data)
  expect(banners).toHaveLength(1)
  expect(banners[0]!.textContent).toContain(says)
  expect(count).toBe(1)
  expect(button.textContent!.trim()).toBe(does)
  button.click()
  await settle()
  expect(asked.mock.calls.map(([name]) => name)).toContain(method)
})
