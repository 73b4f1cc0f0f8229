import { beforeEach, expect, it, vi } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import { App } from '../../../src/renderer/state/app.svelte'
import { take } from '../../../src/renderer/state/taking'
import { FakeHost } from '../fake/host'
import { finishedRun, project } from '../fake/fixtures'

beforeEach(() => {
  vi.stubGlobal('requestAnimationFrame', () => 0)
  vi.stubGlobal('document', { hidden: false })
  return () => vi.unstubAllGlobals()
})

async function started(options: ConstructorParameters<typeof FakeHost>[0] = {}) {
  const host = new FakeHost(options)
  const app = new App(host)
  await app.start()
  return { host, app }
}

it('asks everything once at the start', async () => {
  const { app } = await started({ project: project() })
  expect(app.ready).toBe(true)
  expect(app.info?.version).toBe('0.1.0')
  expect(app.catalogue.presets).toHaveLength(4)
  expect(app.projects).toHaveLength(1)
})

it('opens a project where its work goes on', async () => {
  const { app } = await started()
  app.enter(project())
  expect(app.step).toBe('model')
  app.enter(project({ goal: { kind: 'preset', preset: 'safe', target: 'any' } }))
  expect(app.step).toBe('goal')
  app.enter(project({ runs: [{ ...finishedRun(), status: 'running' }] }))
  expect(app.step).toBe('compress')
  app.enter(project({ runs: [finishedRun()] }))
  expect(app.step).toBe('compare')
  expect(app.compared.map(({ name }) => name)).toEqual(['pruned 80%, int8'])
})

it('forgets chosen candidates that are gone', async () => {
  const { app } = await started()
  app.enter(project({ runs: [finishedRun()] }))
  app.chosen = ['run1-3', 'run1-0']
  expect(app.compared.map(({ id }) => id)).toEqual(['run1-0', 'run1-3'])
  const run = finishedRun()
  app.show(project({ runs: [{ ...run, candidates: run.candidates.slice(0, 2) }] }))
  expect(app.compared.map(({ id }) => id)).toEqual(['run1-0'])
})

it('shows a failure and goes on; a cancelled call is no failure', async () => {
  const { app, host } = await started()
  const invoke = vi.spyOn(host, 'invoke')
  invoke.mockRejectedValueOnce(new PareError('data/empty', { path: 'nothing' }))
  expect(await app.ask('queue.get', undefined)).toBeUndefined()
  expect(app.error).toEqual({ code: 'data/empty', path: 'nothing' })
  app.go('data')
  expect(app.error).toBeUndefined()
  invoke.mockRejectedValueOnce(new PareError('cancelled', { during: '' }))
  await app.ask('queue.get', undefined)
  expect(app.error).toBeUndefined()
})

it('asks again once for many changes that come together', async () => {
  const { app, host } = await started({ project: project() })
  app.enter(host.project!)
  const invoke = vi.spyOn(host, 'invoke')
  for (let change = 0; change < 20; change++) host.emit('project.changed', { project: 'digits' })
  host.emit('project.changed', { project: 'another' })
  await vi.waitFor(() => expect(invoke).toHaveBeenCalledTimes(2))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(invoke).toHaveBeenCalledTimes(2)
})

it('makes a project for a drop on the empty state, and removes it again when nothing was taken', async () => {
  const { app, host } = await started()
  const file = { id: 'x', name: 'notes.onnx', bytes: 10, kind: 'unknown' as const }
  const invoke = host.invoke.bind(host)
  vi.spyOn(host, 'invoke').mockImplementation(async (method, input) => {
    if (method !== 'project.take') return invoke(method, input)
    return {
      project: host.project,
      taken: [],
      refused: [{ name: 'notes.onnx', reason: 'It is text.' }],
    } as never
  })
  await take(app, [file])
  expect(app.refused).toEqual([{ name: 'notes.onnx', reason: 'It is text.' }])
  expect(app.project).toBeUndefined()
  expect(host.project).toBeUndefined()
})

it('follows live progress until the run ends', async () => {
  const { app, host } = await started({ project: project() })
  host.emit('run.progress', { run: 'r', project: 'digits', done: 0.4, doing: 'Learning', step: 1 })
  host.emit('run.point', { run: 'r', project: 'digits', epoch: 1, loss: 0.5 })
  host.emit('run.point', { run: 'r', project: 'digits', epoch: 2, loss: 0.4, quality: 0.9 })
  expect(app.live.progress.r?.done).toBe(0.4)
  expect(app.live.curves.r).toMatchObject({ step: 1, points: [{ epoch: 1 }, { epoch: 2 }] })
  expect(app.live.learns('r')).toBe(true)
  host.emit('run.progress', { run: 'r', project: 'digits', done: 0.6, doing: 'Packing', step: 2 })
  expect(app.live.learns('r'), 'the next pass does not learn').toBe(false)
  host.emit('run.point', { run: 'r', project: 'digits', epoch: 0, loss: 0.2 })
  expect(app.live.curves.r?.points, 'another pass begins its own curve').toEqual([
    { epoch: 0, loss: 0.2, quality: undefined },
  ])
  host.emit('run.ended', {
    run: 'r',
    project: 'digits',
    status: 'done',
    title: 'Done',
    message: 'One candidate',
  })
  expect(app.live.progress.r).toBeUndefined()
  expect(app.live.curves.r).toBeUndefined()
  expect(app.said).toBe('Done. One candidate')
})

it('keeps what goals are for from one goal to the next, and exports for it unless told otherwise', async () => {
  const { app, host } = await started({ project: project() })
  app.enter(host.project!)
  await app.setGoalTarget('ios')
  expect([app.goalTarget, app.target, host.project!.goal]).toEqual(['ios', 'ios', undefined])
  await app.setGoal({ kind: 'preset', preset: 'safe', target: app.goalTarget })
  await app.setGoalTarget('android-cpu')
  expect(host.project!.goal).toEqual({ kind: 'preset', preset: 'safe', target: 'android-cpu' })
  app.target = 'any'
  expect([app.goalTarget, app.target]).toEqual(['android-cpu', 'any'])
  expect(app.catalogue.targetOf(app.goalTarget)).toMatchObject({ title: 'Android, CPU', estimated: true })
})
