/** The window's state: what the backend said last, and where the person is. The backend owns the truth. */
import { getContext, setContext } from 'svelte'
import type {
  AppInfo,
  AppNotice,
  Events,
  Host,
  MethodInput,
  MethodName,
  MethodOutput,
  SampleInfo,
  Settings,
} from '../../contract/app'
import type { StepId } from '../../contract/actions'
import { errorData, type ErrorData } from '../../contract/errors'
import type { Goal } from '../../contract/goal'
import type { FileRef, Project, ProjectSummary, Run } from '../../contract/project'
import type { BrowserHost, Connection } from '../host/browser'
import { Catalogue } from './catalogue.svelte'
import { RecipeEditor } from './editor.svelte'
import { retargeted } from './goals'
import type { Overlay, Question, Queue, Taking } from './kinds'
import { Live } from './live.svelte'
import type { Place } from './place'
import { keepSlots, type Slots } from './slots'
import { Together } from './together.svelte'
import { basisOf, bestOf, candidatesOf, isActive, whereToGoOn } from './steps'

export class App {
  info = $state.raw<AppInfo>()
  settings = $state.raw<Settings>()
  projects = $state.raw<ProjectSummary[]>([])
  notices = $state.raw<AppNotice[]>([])
  samples = $state.raw<SampleInfo[]>([])
  project = $state.raw<Project>()
  /** Unchanged when the project only got newer, so that questions about it are not asked again. */
  readonly projectId = $derived(this.project?.id ?? '')
  queue = $state.raw<Queue>({ waiting: [], paused: false, stopAfterCurrent: false })
  readonly live = new Live()
  readonly catalogue = new Catalogue(this)
  step = $state<StepId>('model')
  /** Candidates chosen in Compare; empty means the best one. */
  chosen = $state<string[]>([])
  /** What the steps show of themselves, by what it is called in the address. */
  shown = $state<Record<string, string>>({})
  overlay = $state<Overlay>()
  question = $state.raw<Question>()
  error = $state.raw<ErrorData>()
  /** Files that were handed in and not taken, with the reason. */
  refused = $state.raw<{ name: string; reason: string }[]>([])
  /** Models that came together, of which the project has the first. */
  several = $state.raw<readonly FileRef[]>([])
  /** Files that are on their way from the page. */
  taking = $state.raw<Taking>()
  connection = $state<Connection>('open')
  ready = $state(false)
  /** Said to screen readers politely. */
  said = $state('')

  /** The goal that a form shows and that counts when nothing else was chosen. */
  proposal = $state.raw<Goal>()
  /** What Export writes for, where it is not what the goal names. */
  private picked = $state<string>()
  /** What a goal that is still to be chosen will be for. */
  private meant = $state('any')
  form = $state<'zip' | 'folder'>('zip')
  /** Preprocessing and class names become part of the exported model. */
  embed = $state(false)
  readonly editor = new RecipeEditor(this)
  readonly together = new Together(this)

  constructor(readonly host: Host) {}

  /** A call whose failure is shown in the window; undefined then. */
  async ask<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M> | undefined> {
    try {
      return await this.host.invoke(method, input)
    } catch (thrown) {
      const error = errorData(thrown)
      if (error.code !== 'cancelled') this.error = error
      return undefined
    }
  }

  /** Work nobody waits for: what it throws is shown as what `ask` meets is. */
  background(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => (this.error = errorData(thrown)))
  }

  /** `arriving` goes to where the person was, before anything is shown. */
  async start(arriving?: () => Promise<void>): Promise<void> {
    this.listen()
    await this.refresh()
    await arriving?.()
    this.ready = true
  }

  get place(): Place {
    const { project, step, chosen, shown } = this
    return project ? { project: project.id, step, chosen, shown } : { chosen: [], shown: {} }
  }

  /** Which of what a step can show it does: the first where the address says nothing that there is. */
  showing<T extends string>(name: string, known: readonly T[]): T {
    return known.find((one) => one === this.shown[name]) ?? known[0]!
  }

  private async refresh(): Promise<void> {
    const none = undefined
    const [info, settings, projects, notices, samples, queue] = await Promise.all([
      this.ask('app.info', none),
      this.ask('settings.get', none),
      this.ask('projects.list', none),
      this.ask('notices.list', none),
      this.ask('samples.list', none),
      this.ask('queue.get', none),
      this.catalogue.read(),
    ])
    this.info = info
    this.settings = settings
    this.projects = projects ?? []
    this.notices = notices ?? []
    this.samples = samples ?? []
    if (queue) this.queue = queue
    if (this.project) await this.reload()
  }

  private listen(): void {
    const on: Host['on'] = (name, listener) => this.host.on(name, listener)
    this.live.listen({ on })
    this.catalogue.listen({ on })
    on('project.changed', ({ project }) => {
      if (project === this.project?.id) this.background(this.reload())
    })
    on('projects.changed', () => this.background(this.listProjects()))
    on('queue.changed', () => this.background(this.readQueue()))
    on('settings.changed', () => this.background(this.readSettings()))
    on('run.ended', (event) => this.ended(event))
    on('engine.restarted', ({ reason }) => (this.said = reason))
    const browser = this.host as Partial<BrowserHost>
    browser.onConnection?.((state) => {
      const back = this.connection !== 'open' && state === 'open'
      this.connection = state
      if (back) this.background(this.refresh())
    })
  }

  private async readQueue(): Promise<void> {
    this.queue = (await this.ask('queue.get', undefined)) ?? this.queue
  }

  private async readSettings(): Promise<void> {
    this.settings = await this.ask('settings.get', undefined)
  }

  private async listProjects(): Promise<void> {
    this.projects = (await this.ask('projects.list', undefined)) ?? this.projects
  }

  async dismissNotice(notice: string): Promise<void> {
    await this.ask('notices.dismiss', { notice })
    this.notices = (await this.ask('notices.list', undefined)) ?? this.notices
  }

  private ended({ run, title, message, project }: Events['run.ended']): void {
    this.live.forget(run)
    this.said = `${title}. ${message}`
    if (project === this.project?.id) this.background(this.reload())
    if (this.host.shell === 'browser' && this.settings?.notifications && document.hidden) {
      if (Notification.permission === 'granted') new Notification(title, { body: message })
    }
  }

  private reloading = false
  private again = false

  /** One request at a time; changes that come meanwhile are asked for once more. */
  async reload(): Promise<void> {
    if (this.reloading) {
      this.again = true
      return
    }
    this.reloading = true
    try {
      do {
        this.again = false
        const id = this.project?.id
        if (!id) break
        const project = await this.ask('projects.get', { project: id })
        if (project && this.project?.id === id) this.show(project)
      } while (this.again)
    } finally {
      this.reloading = false
    }
  }

  show(project: Project): void {
    if (project.model.state !== 'loading' && project.data.state !== 'loading')
      delete this.live.tasks[project.id]
    // A newly chosen kind of goal is what its step shows.
    if (project.goal?.kind !== this.project?.goal?.kind) delete this.shown.goal
    this.project = project
    this.editor.load(project)
    const known = candidatesOf(project).map((candidate) => candidate.id)
    this.chosen = this.chosen.filter((id) => known.includes(id))
  }

  async open(id: string): Promise<void> {
    const project = await this.ask('projects.get', { project: id })
    if (project) this.enter(project)
  }

  /** Shows a project at the step where its work goes on. */
  enter(project: Project, step?: StepId): void {
    this.chosen = []
    this.shown = {}
    this.picked = undefined
    this.meant = 'any'
    this.error = undefined
    this.show(project)
    this.go(step ?? whereToGoOn(project))
  }

  go(step: StepId): void {
    this.step = step
    this.error = undefined
    this.refused = []
    this.several = []
    // The heading of the step takes the focus, so that keyboard and screen reader start at its top.
    requestAnimationFrame(() => document.getElementById('step-title')?.focus())
  }

  home(): void {
    this.project = undefined
    this.error = undefined
    // What the project says in one line may be newer than the list.
    this.background(this.listProjects())
  }

  async openSample(
    id = (this.samples.find((sample) => sample.id === 'digits') ?? this.samples[0])?.id,
  ): Promise<void> {
    const project = id && (await this.ask('samples.open', { sample: id }))
    if (project) this.enter(project, 'model')
  }

  confirm(question: Omit<Question, 'answer'>): Promise<string | null> {
    return new Promise((resolve) => {
      this.question = {
        ...question,
        answer: (value) => {
          this.question = undefined
          resolve(value)
        },
      }
    })
  }

  async set(change: Partial<Settings>): Promise<void> {
    if (this.settings) this.settings = { ...this.settings, ...change }
    const settings = await this.ask('settings.set', change)
    if (settings) this.settings = settings
  }

  /** A call that tells of its progress as a task of the project. */
  async work<M extends MethodName>(
    method: M,
    input: MethodInput<M> & { project: string },
  ): Promise<MethodOutput<M> | undefined> {
    try {
      return await this.ask(method, input)
    } finally {
      delete this.live.tasks[input.project]
    }
  }

  /** What Export writes for: what was picked there, else what the goal names. */
  get target(): string {
    return this.picked ?? this.goalTarget
  }

  set target(target: string) {
    this.picked = target
  }

  /** What goals are for. */
  get goalTarget(): string {
    return this.project?.goal?.target ?? this.meant
  }

  async setGoalTarget(target: string): Promise<void> {
    this.meant = target
    if (this.project?.goal)
      await this.setGoal(retargeted(this.project.goal, target, this.catalogue.targetOf(target)))
  }

  async setGoal(goal: Goal): Promise<void> {
    const project = await this.ask('project.setGoal', { project: this.projectId, goal })
    if (project) this.show(project)
  }

  get candidates() {
    return this.project ? candidatesOf(this.project) : []
  }

  /** Candidates on show in Compare and Export: those chosen, or the best one. All have the same original and data. */
  get compared() {
    const chosen = this.candidates.filter((candidate) => this.chosen.includes(candidate.id))
    const best = this.project && bestOf(this.project)
    if (chosen.length === 0) return best ? [best] : []
    return chosen.filter(
      (candidate) => basisOf(this.project!, candidate) === basisOf(this.project!, chosen[0]!),
    )
  }

  private slots: Slots = []

  /** Which of the candidates' colours and marks one on show has, in every step and chart; undefined for others. */
  slotOf(candidate: string): number | undefined {
    this.slots = keepSlots(
      this.slots,
      this.compared.map(({ id }) => id),
    )
    const slot = this.slots.indexOf(candidate)
    return slot < 0 ? undefined : slot
  }

  get activeRun(): Run | undefined {
    return this.project?.runs.find(isActive)
  }
}

const KEY = Symbol('app')

export const provideApp = (host: Host): App => setContext(KEY, new App(host))

export const useApp = (): App => getContext<App>(KEY)
