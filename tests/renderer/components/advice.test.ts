/** A screen gives one piece of advice and says an error once. */
import { expect, it } from 'vitest'
import type { Doubt } from '../../../src/contract/dataset'
import type { ErrorData } from '../../../src/contract/errors'
import { errorMessage } from '../../../src/contract/messages'
import type { LoadedData, Project, Run } from '../../../src/contract/project'
import { finishedRun, loadedData, project } from '../fake/fixtures'
import { openWindow, settle } from './render'

const file = { id: 'f', name: 'digits', bytes: 9, kind: 'dataset' as const }
const read = (more: Partial<LoadedData>): Partial<Project> => ({
  data: { state: 'ready', file, value: { ...loadedData(), ...more } },
})
const doubted = (kind: Doubt['kind'], more: Partial<LoadedData> = {}): Partial<Project> =>
  read({ doubts: [{ kind, message: `About ${kind}.` }], ...more })
const { preprocessing } = loadedData().summary
const better = { preprocessing, score: 0.99, better: true, explanation: 'inverted' }
const ran = (more: Partial<Run>): Partial<Project> => ({
  goal: finishedRun().goal,
  runs: [{ ...finishedRun(), ...more }],
})
const unfinished = { candidates: [], resumable: true }
const preset = { kind: 'preset' as const, preset: 'balanced' as const, target: 'any' }

it.each<[string, string, Partial<Project>, string]>([
  ['data', 'nothing to doubt', read({}), 'Go on to goal'],
  [
    'data',
    'another reading is better, and it guesses',
    doubted('guessing', { trials: [better] }),
    'Read it so',
  ],
  ['data', 'it guesses', doubted('guessing', { looksLikeChance: true }), 'Try other ways'],
  ['data', 'few samples', doubted('few-samples'), 'Measure on half of all'],
  ['data', 'what no button mends', doubted('grey'), 'Go on to goal'],
  ['goal', 'nothing chosen', {}, 'Start compressing, up to 10 min'],
  ['goal&goal=search', 'another kind is chosen', { goal: preset }, 'Start compressing'],
  ['goal', 'there is no model', { model: { state: 'empty' } }, 'Go to model'],
  ['compress', 'there is no goal', {}, 'Go to goal'],
  ['compare', 'there is no goal', {}, 'Go to goal'],
  ['compare', 'nothing has run', { goal: preset }, 'Go to compress'],
  ['export', 'nothing has run', { goal: preset }, 'Go to compress'],
  ['export', 'there is no model', { model: { state: 'empty' } }, 'Go to model'],
  ['compress', 'nothing has run', { goal: preset }, 'Start compressing'],
  ['compress', 'it has ended', ran({}), 'Go on to compare'],
  ['compress', 'it was interrupted', ran({ status: 'interrupted', ...unfinished }), 'Resume'],
  ['compress', 'it was interrupted late', ran({ status: 'interrupted', resumable: true }), 'Resume'],
  ['compress', 'it failed', ran({ status: 'failed', ...unfinished }), 'Resume'],
  ['compare', 'there is a candidate', ran({}), 'Go on to export'],
  ['export', 'there is a candidate', ran({}), 'Save the bundle…'],
])('%s, %s: one thing to do', async (step, _, part, does) => {
  const { all } = await openWindow({ project: project(part) }, `project=digits&step=${step}`)
  await settle()
  const advised = all('main button.primary:not(:disabled)').map((one) =>
    one.textContent!.replace(/\s/g, ' ').trim(),
  )
  expect(advised).toEqual([does])
})

it('home: what was begun goes before what is new', async () => {
  const interrupted = project(ran({ status: 'interrupted', ...unfinished }))
  const { all } = await openWindow({ project: interrupted })
  expect(all('main button.primary').map((one) => one.getAttribute('aria-label'))).toEqual(['Resume Digits'])
})

const error: ErrorData = { code: 'model/truncated', file: 'half.onnx', at: 9 }
const model = { ...file, name: 'half.onnx', kind: 'model' as const }

it.each<[string, string, Partial<Project>]>([
  ['model', 'a model that cannot be read', { model: { state: 'failed', file: model, error } }],
  ['data', 'data that cannot be read', { data: { state: 'failed', file, error } }],
  ['compress', 'a run that failed', ran({ status: 'failed', ...unfinished, error })],
])('%s: %s is told once', async (step, _, part) => {
  const { all, text } = await openWindow({ project: project(part) }, `project=digits&step=${step}`)
  expect(all('[role=alert]')).toHaveLength(1)
  expect(text().split(errorMessage(error).what)).toHaveLength(2)
})
