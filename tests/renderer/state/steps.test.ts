import { describe, expect, it } from 'vitest'
import { bestOf, measuredOf, stepInfos } from '../../../src/renderer/state/steps'
import type { Doubt } from '../../../src/contract/dataset'
import type { Candidate } from '../../../src/contract/project'
import { finishedRun, project } from '../fake/fixtures'

const lines = (part: Parameters<typeof project>[0]) =>
  Object.fromEntries(stepInfos(project(part)).map(({ id, state, line }) => [id, `${state}: ${line}`]))
const plain = (text: string | undefined) => text?.replaceAll('\u202f', ' ')

describe('the rail', () => {
  it('says at the start what is needed first', () => {
    expect(lines({ model: { state: 'empty' }, data: { state: 'empty' } })).toEqual({
      model: 'ready: drop an ONNX model',
      data: 'later: needs a model first',
      goal: 'later: needs a model first',
      compress: 'later: needs a goal first',
      compare: 'later: needs a finished candidate',
      export: 'later: needs a finished candidate',
    })
  })

  it('carries the one-line result of what is done', () => {
    const said = lines({ goal: finishedRun().goal, runs: [finishedRun()] })
    expect(plain(said.model)).toBe('done: 249 kB, 61.7 k parameters')
    expect(said.data).toBe('done: the original: 97.78%')
    expect(said.goal).toBe('done: lose at most 1 point')
    expect(said.compress).toBe('done: 5 candidates')
    expect(plain(said.compare)).toBe('done: 10.9× smaller download, losing 0.56 points')
    expect(said.export).toBe('ready: ready to save')
  })

  it('calls a loss that may be chance so, as the headline does', () => {
    const run = finishedRun()
    const unsure = { value: -0.0056, interval: [-0.02, 0.01] as [number, number] }
    const candidates = run.candidates.map((one) => ({
      ...one,
      report: { ...one.report, qualityChange: unsure },
    }))
    expect(lines({ runs: [{ ...run, candidates }] }).compare).toMatch(
      /losing 0\.56\spoints \(within chance\)$/,
    )
  })

  it('lets one go on without data', () => {
    expect(lines({ data: { state: 'empty' } }).data).toBe('ready: add data, or go on without')
  })

  it('warns of the gravest doubt, and tells the score that few samples bear out', () => {
    const on = (...kinds: Doubt['kind'][]): string | undefined => {
      const { data } = project()
      if (data.state !== 'ready') throw new Error('no data')
      return lines({
        data: { ...data, value: { ...data.value, doubts: kinds.map((kind) => ({ kind, message: '' })) } },
      }).data
    }
    expect(on('few-samples', 'classes-missing')).toBe('failed: the original: 97.78%, on few samples')
    expect(on('guessing', 'classes-missing')).toBe('failed: the original only guesses')
    expect(on('overlap', 'few-samples')).toBe('failed: samples in two splits')
  })

  it('shows work, failure and staleness', () => {
    const file = { id: 'f', name: 'half.onnx', bytes: 9, kind: 'model' as const }
    expect(lines({ model: { state: 'loading', file, doing: 'Reading' } }).model).toBe('busy: Reading')
    expect(
      lines({
        model: { state: 'failed', file, error: { code: 'model/truncated', file: 'half.onnx', at: 9 } },
      }).model,
    ).toBe('failed: could not be read')
    expect(lines({ runs: [{ ...finishedRun(), status: 'running', candidates: [] }] }).compress).toBe(
      'busy: running',
    )
    const [stale] = stepInfos(project({ stale: [{ step: 'model' as never, reason: 'changed' }] }))
    expect(stale?.stale).toBe('changed')
  })
})

describe('the candidate that is shown first', () => {
  it('is the smallest inside the limit', () => {
    expect(bestOf(project({ runs: [finishedRun()] }))?.name).toBe('pruned 80%, int8')
  })

  it('is the smallest of all when none is inside', () => {
    const run = finishedRun()
    const outside = run.candidates.map((candidate) => ({ ...candidate, insideLimit: false }))
    expect(bestOf(project({ runs: [{ ...run, candidates: outside }] }))?.name).toBe('pruned 95%, 3 bit')
  })
})

it('shows candidates with the figures of a sitting that all of them were in, else with their own', () => {
  const run = finishedRun()
  const [a, b, c] = run.candidates as [Candidate, Candidate, Candidate]
  const again = ({ report, ...rest }: Candidate): Candidate => ({
    ...rest,
    report: { ...report, latencyMs: { ...report.latencyMs, p50: 7 }, downloadBytes: 1000 },
    verdict: 'measured again',
  })
  const sitting = { original: { ...run.original! }, candidates: [again(b), again(a)] }
  const held = project({ runs: [run], sittings: [sitting] })
  expect(measuredOf(held, [a, b])).toEqual({
    candidates: [again(a), again(b)],
    originals: [sitting.original, sitting.original],
  })
  // Leaving one out changes no figure of the other.
  const [alone] = measuredOf(held, [a]).candidates
  expect(alone).toEqual(again(a))
  expect(measuredOf(held, [a]).originals[0]).toBe(sitting.original)
  expect(measuredOf(held, [a, c])).toEqual({ candidates: [a, c], originals: [run.original, run.original] })
  const best = bestOf(held)!
  const seated = project({ runs: [run], sittings: [{ ...sitting, candidates: [again(best)] }] })
  expect(stepInfos(seated).find(({ id }) => id === 'compare')!.line).toMatch(/^229× smaller download/)
})
