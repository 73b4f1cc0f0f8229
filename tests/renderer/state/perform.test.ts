/** What actions do to the backend and the window, and when they can be done. */
import { beforeEach, expect, it, vi } from 'vitest'
import type { ActionId, StepId } from '../../../src/contract/actions'
import { ACTIONS, STEP_IDS } from '../../../src/contract/actions'
import { PareError } from '../../../src/contract/errors'
import type { Project } from '../../../src/contract/project'
import { canDo, isActionId, nextStep, perform } from '../../../src/renderer/state/actions'
import { App } from '../../../src/renderer/state/app.svelte'
import { saveBundle } from '../../../src/renderer/state/bundles'
import { cancelRun } from '../../../src/renderer/state/runs'
import { finishedRun, project } from '../fake/fixtures'
import { FakeHost } from '../fake/host'

/** An element that does what is clicked: a link is followed, a file input is answered. */
interface FakeElement {
  tag: string
  href?: string
  download?: string
  accept?: string
  webkitdirectory?: boolean
  onchange?: () => void
  oncancel?: () => void
  files?: { name: string }[]
  click(): void
}

let made: FakeElement[] = []
let chosen: { name: string }[] | undefined
let saved: Blob[] = []

beforeEach(() => {
  made = []
  saved = []
  chosen = undefined
  vi.stubGlobal('requestAnimationFrame', () => 0)
  vi.stubGlobal('document', {
    hidden: false,
    createElement: (tag: string): FakeElement => {
      const element: FakeElement = {
        tag,
        click() {
          if (tag !== 'input') return
          element.files = chosen
          if (chosen) element.onchange?.()
          else element.oncancel?.()
        },
      }
      made.push(element)
      return element
    },
  })
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `blob:${saved.push(blob as Blob)}`)
  return () => {
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  }
})

async function started(part?: Partial<Project>) {
  const host = new FakeHost(part ? { project: project(part) } : {})
  const app = new App(host)
  await app.start()
  if (host.project) app.enter(host.project)
  const invoke = vi.spyOn(host, 'invoke')
  const asked = (method: string) =>
    invoke.mock.calls.filter(([name]) => name === method).map(([, input]) => input)
  return { host, app, invoke, asked }
}

/** Answers the next question. */
async function answer(app: App, value: string | null): Promise<void> {
  await vi.waitFor(() => expect(app.question).toBeDefined())
  app.question!.answer(value)
}

const possible = (app: App): ActionId[] => ACTIONS.map(({ id }) => id).filter((id) => canDo(app, id))

it('offers what can be done now, and no more', async () => {
  const always: ActionId[] = [
    'project.new',
    'model.open',
    'data.openFile',
    'data.openFolder',
    'sample.open',
    'palette',
    'plugins',
    'text.larger',
    'text.smaller',
    'text.reset',
    'theme.system',
    'theme.light',
    'theme.dark',
    'queue.pause',
    'settings',
    'shortcuts',
    'about',
  ]
  const { app } = await started()
  expect(possible(app).sort()).toEqual([...always].sort())

  const steps = STEP_IDS.map((id): ActionId => `step.${id}`)
  const inside: ActionId[] = ['project.home', 'project.rename', 'project.remove', ...steps]
  app.enter(project({ model: { state: 'empty' }, data: { state: 'empty' } }))
  expect(possible(app).sort()).toEqual([...always, ...inside].sort())

  app.enter(project({ goal: { kind: 'preset', preset: 'safe', target: 'any' } }))
  expect(possible(app).sort()).toEqual([...always, ...inside, 'recipe.import', 'run.start'].sort())

  app.enter(project({ runs: [finishedRun()], goal: finishedRun().goal }))
  expect(possible(app)).toEqual(expect.arrayContaining(['report.save', 'bundle.save']))

  const run = { ...finishedRun(), candidates: [] }
  app.enter(project({ runs: [{ ...run, status: 'interrupted', resumable: true }] }))
  expect(canDo(app, 'run.resume')).toBe(true)
  app.enter(
    project({
      runs: [
        { ...run, status: 'running' },
        { ...run, id: 'old', resumable: true },
      ],
    }),
  )
  expect(canDo(app, 'run.resume'), 'one run at a time').toBe(false)
  expect(canDo(app, 'run.cancel')).toBe(true)
  expect(canDo(app, 'run.stopTraining'), 'nothing was tried yet').toBe(false)
  app.live.trials.run1 = [{ key: 'k' } as never]
  expect(canDo(app, 'run.stopTraining')).toBe(true)
})

it('does nothing that cannot be done now', async () => {
  const { app, invoke } = await started()
  perform(app, 'project.remove')
  perform(app, 'run.start')
  perform(app, 'run.cancel')
  expect(invoke).not.toHaveBeenCalled()
  expect(isActionId('run.start')).toBe(true)
  expect(isActionId('toString')).toBe(false)
})

it('goes from step to step, and stays at the last', async () => {
  const { app } = await started({})
  const seen: StepId[] = [app.step]
  for (let i = 0; i < 7; i++) {
    nextStep(app)
    seen.push(app.step)
  }
  expect(seen).toEqual([...STEP_IDS, 'export', 'export'])
  perform(app, 'step.goal')
  expect(app.step).toBe('goal')
})

it('scales text in tenths, within bounds', async () => {
  const { app, host } = await started()
  const scale = async (id: ActionId, times: number, expected: number): Promise<void> => {
    for (let i = 0; i < times; i++) perform(app, id)
    await vi.waitFor(() => expect(host.settings.textScale).toBe(expected))
    await vi.waitFor(() => expect(app.settings!.textScale).toBe(expected))
  }
  await scale('text.larger', 3, 1.3)
  await scale('text.larger', 20, 2)
  await scale('text.reset', 1, 1)
  await scale('text.smaller', 20, 0.7)
})

it('renames only to a name', async () => {
  const { app, asked } = await started({})
  for (const no of [null, '   ']) {
    perform(app, 'project.rename')
    await answer(app, no)
  }
  perform(app, 'project.rename')
  await answer(app, '  Letters ')
  await vi.waitFor(() => expect(app.project?.name).toBe('Letters'))
  expect(asked('projects.rename')).toEqual([{ project: 'digits', name: 'Letters' }])
})

it('removes a project only after yes', async () => {
  const { app, host, asked } = await started({})
  perform(app, 'project.remove')
  await answer(app, null)
  expect(asked('projects.remove')).toEqual([])
  expect(app.project).toBeDefined()
  perform(app, 'project.remove')
  await answer(app, '')
  await vi.waitFor(() => expect(app.project).toBeUndefined())
  expect(host.project).toBeUndefined()
})

it('opens what is picked in the page, with the ending that each kind has', async () => {
  const { app, host, asked } = await started()
  const filesOf = vi.spyOn(host, 'filesOf')
  chosen = [{ name: 'lenet5.onnx' }]
  perform(app, 'model.open')
  await vi.waitFor(() => expect(app.project?.model.state).toBe('ready'))
  expect(made[0]).toMatchObject({ tag: 'input', multiple: true })
  expect(made[0]!.accept).toContain('.onnx')
  expect(filesOf.mock.calls[0]![0]).toEqual([{ file: chosen[0], relativePath: 'lenet5.onnx' }])
  expect(asked('project.take')).toHaveLength(1)
  expect(app.taking).toBeUndefined()

  chosen = undefined
  perform(app, 'data.openFolder')
  await vi.waitFor(() => expect(made).toHaveLength(2))
  expect(made[1]).toMatchObject({ webkitdirectory: true, multiple: false })
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(asked('project.take'), 'a dismissed picker takes nothing').toHaveLength(1)
})

it('shows why a picked file could not be handed over', async () => {
  const { app, host } = await started()
  vi.spyOn(host, 'filesOf').mockRejectedValue(new PareError('disk/full', { path: 'x', needed: 1 }))
  chosen = [{ name: 'lenet5.onnx' }]
  perform(app, 'model.open')
  await vi.waitFor(() => expect(app.error?.code).toBe('disk/full'))
  expect(app.taking).toBeUndefined()
})

it('saves the recipe and the report as files of their kind', async () => {
  const { app, host } = await started({
    runs: [finishedRun()],
    goal: { kind: 'recipe', recipe: { pare: 1, name: 'Mine', description: '', steps: [] }, target: 'any' },
  })
  perform(app, 'recipe.export')
  await vi.waitFor(() => expect(saved).toHaveLength(1))
  expect(made[0]).toMatchObject({ tag: 'a', download: 'recipe.json', href: 'blob:1' })
  expect(saved[0]!.type).toBe('application/json;charset=utf-8')
  expect(JSON.parse(await saved[0]!.text())).toMatchObject({ pare: 1, name: 'Mine' })

  const invoke = FakeHost.prototype.invoke.bind(host)
  const asked: unknown[] = []
  vi.spyOn(host, 'invoke').mockImplementation((method, input) => {
    if (method !== 'compare.report') return invoke(method, input)
    asked.push(input)
    return Promise.resolve({ name: 'digits.html', html: '<p>' } as never)
  })
  app.chosen = ['run1-3']
  perform(app, 'report.save')
  await vi.waitFor(() => expect(saved).toHaveLength(2))
  expect(asked).toEqual([{ project: 'digits', candidates: ['run1-3'], slots: [0] }])
  expect(made[1]).toMatchObject({ download: 'digits.html' })
  expect(await saved[1]!.text()).toBe('<p>')
})

it('starts a run with the goal, or with what the form proposes, and goes to where it can be watched', async () => {
  vi.stubGlobal('Notification', { permission: 'denied' })
  const { app, asked, host } = await started({ goal: { kind: 'preset', preset: 'safe', target: 'any' } })
  app.proposal = { kind: 'preset', preset: 'smallest', target: 'any' }
  perform(app, 'run.start')
  await vi.waitFor(() => expect(app.activeRun).toBeDefined())
  expect(asked('runs.start')).toEqual([
    { project: 'digits', goal: { kind: 'preset', preset: 'safe', target: 'any' } },
  ])
  expect(app.step).toBe('compress')
  await host.invoke('runs.cancel', { run: 'run1' })

  const other = await started({})
  other.app.proposal = { kind: 'preset', preset: 'smallest', target: 'any' }
  other.invoke.mockImplementation((method) =>
    method === 'runs.start'
      ? Promise.reject(new PareError('disk/full', { path: 'x', needed: 1 }))
      : Promise.resolve(undefined as never),
  )
  perform(other.app, 'run.start')
  await vi.waitFor(() => expect(other.app.error?.code).toBe('disk/full'))
  expect(other.asked('runs.start')).toEqual([
    { project: 'digits', goal: { kind: 'preset', preset: 'smallest', target: 'any' } },
  ])
  expect(other.app.step, 'a run that did not start is not gone to').toBe('model')
})

it('asks for leave to notify only where that was never answered and is wanted', async () => {
  const requestPermission = vi.fn(() => Promise.resolve('granted'))
  const { app } = await started({ goal: { kind: 'preset', preset: 'safe', target: 'any' } })
  app.ask = () => Promise.resolve(undefined)
  for (const [permission, notifications] of [
    ['denied', true],
    ['granted', true],
    ['default', false],
  ] as const) {
    vi.stubGlobal('Notification', { permission, requestPermission })
    app.settings = { ...app.settings!, notifications }
    perform(app, 'run.start')
  }
  expect(requestPermission).not.toHaveBeenCalled()
  vi.stubGlobal('Notification', { permission: 'default', requestPermission })
  app.settings = { ...app.settings!, notifications: true }
  perform(app, 'run.start')
  expect(requestPermission).toHaveBeenCalledTimes(1)
})

it('cancels at once what only waits, and asks before work is lost', async () => {
  const queued = { ...finishedRun(), status: 'queued' as const, candidates: [] }
  const { app, asked } = await started({ runs: [queued] })
  await cancelRun(app, queued)
  expect(asked('runs.cancel')).toEqual([{ run: 'run1' }])

  const [first, ...rest] = finishedRun().steps
  const running = {
    ...finishedRun(),
    status: 'running' as const,
    seconds: 75,
    steps: [{ ...first!, state: 'running' as const }, ...rest],
  }
  const pending = cancelRun(app, running)
  await vi.waitFor(() => expect(app.question).toBeDefined())
  expect(app.question!.text).toContain(`${running.candidates.length} finished candidates will be kept.`)
  expect(app.question!.text).toContain(`(${first!.title})`)
  expect(app.question!.text).toContain('1 min 15 s have gone by')
  app.question!.answer(null)
  await pending
  expect(asked('runs.cancel')).toHaveLength(1)

  const sure = cancelRun(app, { ...running, candidates: [] })
  await vi.waitFor(() => expect(app.question?.text).toContain('No candidate is finished yet.'))
  app.question!.answer('')
  await sure
  expect(asked('runs.cancel')).toHaveLength(2)
})

it('writes over a bundle only after yes, and follows its address', async () => {
  const { app, host } = await started({ runs: [finishedRun()] })
  const inputs: unknown[] = []
  const invoke = FakeHost.prototype.invoke.bind(host)
  vi.spyOn(host, 'invoke').mockImplementation(async (method, input) => {
    if (method !== 'export.write') return invoke(method, input)
    inputs.push(input)
    if (!(input as { overwrite: boolean }).overwrite)
      throw new PareError('export/exists', { path: '/there/b.zip' })
    return { record: { id: 'e9' }, download: '/download/s3cret' } as never
  })
  const no = saveBundle(app)
  await answer(app, null)
  expect(await no).toBeUndefined()
  expect(app.error).toBeUndefined()
  app.form = 'folder'
  app.embed = true
  app.target = 'ios'
  const yes = saveBundle(app)
  await vi.waitFor(() => expect(app.question?.text).toBe('/there/b.zip'))
  await answer(app, '')
  expect(await yes).toEqual({ id: 'e9' })
  expect(made).toMatchObject([{ tag: 'a', href: '/download/s3cret' }])
  expect(inputs).toMatchObject([
    { overwrite: false, form: 'zip', target: 'any', embed: false },
    { overwrite: false, form: 'folder', target: 'ios', embed: true },
    { overwrite: true, form: 'folder', target: 'ios', embed: true },
  ])
})

it('shows why a bundle could not be written', async () => {
  const { app, host } = await started({ runs: [finishedRun()] })
  app.live.tasks.digits = { done: 0.5, doing: 'Writing' }
  vi.spyOn(host, 'invoke').mockRejectedValue(new PareError('disk/full', { path: 'x', needed: 1 }))
  expect(await saveBundle(app)).toBeUndefined()
  expect(app.error?.code).toBe('disk/full')
  expect(app.live.tasks.digits, 'its progress is gone').toBeUndefined()
})

it('pauses, goes on and stops after the current run', async () => {
  const { app, asked, host } = await started({ goal: { kind: 'preset', preset: 'safe', target: 'any' } })
  perform(app, 'queue.pause')
  await vi.waitFor(() => expect(app.queue.paused).toBe(true))
  expect(canDo(app, 'queue.pause')).toBe(false)
  perform(app, 'queue.resume')
  await vi.waitFor(() => expect(app.queue.paused).toBe(false))
  await host.invoke('runs.start', { project: 'digits' })
  await vi.waitFor(() => expect(app.queue.running).toBe('run1'))
  perform(app, 'queue.stopAfterCurrent')
  await vi.waitFor(() => expect(app.queue.stopAfterCurrent).toBe(true))
  perform(app, 'queue.stopAfterCurrent')
  await vi.waitFor(() => expect(app.queue.stopAfterCurrent).toBe(false))
  expect(asked('queue.stopAfterCurrent')).toEqual([{ on: true }, { on: false }])
  await host.invoke('runs.cancel', { run: 'run1' })
})

it('opens the sample of digits, whatever stands first', async () => {
  const { app, asked } = await started()
  app.samples = app.samples.toReversed()
  perform(app, 'sample.open')
  await vi.waitFor(() => expect(app.project).toBeDefined())
  expect(asked('samples.open')).toEqual([{ sample: 'digits' }])
  expect(app.step).toBe('model')
})
