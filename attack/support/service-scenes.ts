/** The app itself, killed at each of its writes while a person works with it, one act after the other. */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { hashOf, leftovers, type Scene } from './kill-scene'
import { Gone, ShellTarget } from './shell-target'

const SAMPLE = path.resolve('resources/samples/bearing')
const RECIPE = { pare: 1 as const, name: 'Tidy', description: '', steps: [{ pass: 'simplify', params: {} }] }
const GOAL = { kind: 'recipe' as const, recipe: RECIPE, target: 'any' }

interface Act {
  name: string
  do(shell: ShellTarget): Promise<unknown>
  /** Several things are changed one after the other: a kill may leave the first of them. */
  several?: true
}

const first = async (shell: ShellTarget): Promise<string> => {
  const projects = await shell.invoke('projects.list')
  return projects.find(({ name }) => name !== 'Second')!.id
}

const runsOf = async (shell: ShellTarget) =>
  (await shell.invoke('projects.get', { project: await first(shell) })).runs

async function until(shell: ShellTarget, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    if (shell.process.exitCode !== null) throw new Gone()
    await wait(20)
  }
}

const ACTS: readonly Act[] = [
  { name: 'a setting is changed', do: (shell) => shell.invoke('settings.set', { theme: 'dark' }) },
  { name: 'a project is made', do: (shell) => shell.invoke('projects.create', { name: 'First' }) },
  {
    name: 'a project is renamed',
    do: async (shell) => shell.invoke('projects.rename', { project: await first(shell), name: 'Mine' }),
  },
  {
    name: 'a model and its data are handed over',
    several: true,
    do: async (shell) => {
      const project = await first(shell)
      const files = [path.join(SAMPLE, 'cnn1d.onnx'), path.join(SAMPLE, 'data', 'validation.npz')]
      const ids: string[] = []
      for (const file of files) ids.push(await shell.upload(file))
      await shell.invoke('project.take', { project, files: ids })
      await until(shell, async () => {
        const { model, data } = await shell.invoke('projects.get', { project })
        return model.state === 'ready' && data.state === 'ready'
      })
    },
  },
  {
    name: 'a goal is set',
    do: async (shell) => shell.invoke('project.setGoal', { project: await first(shell), goal: GOAL }),
  },
  { name: 'the queue is paused', do: (shell) => shell.invoke('queue.pause', { paused: true }) },
  {
    name: 'two runs are queued',
    several: true,
    do: async (shell) => {
      for (let n = 0; n < 2; n++) await shell.invoke('runs.start', { project: await first(shell) })
    },
  },
  {
    name: 'the queue is put in another order',
    do: async (shell) => {
      const { waiting } = await shell.invoke('queue.get')
      await shell.invoke('queue.reorder', { order: [...waiting].reverse() })
    },
  },
  {
    name: 'a run that waits is cancelled',
    several: true,
    do: async (shell) => shell.invoke('runs.cancel', { run: (await shell.invoke('queue.get')).waiting[1]! }),
  },
  {
    name: 'a run is done',
    several: true,
    do: async (shell) => {
      const { waiting } = await shell.invoke('queue.get')
      await shell.invoke('queue.pause', { paused: false })
      await until(shell, async () =>
        (await runsOf(shell)).some(({ id, status }) => id === waiting[0] && status === 'done'),
      )
    },
  },
  {
    name: 'a bundle is written',
    several: true,
    do: async (shell) => {
      const candidate = (await runsOf(shell)).flatMap(({ candidates }) => candidates)[0]!.id
      const project = await first(shell)
      await shell.invoke('export.write', { project, candidate, target: 'onnx', form: 'zip', overwrite: true })
    },
  },
  {
    name: 'a run is removed',
    several: true,
    do: async (shell) => {
      const run = (await runsOf(shell)).find(({ status }) => status === 'cancelled')!.id
      await shell.invoke('runs.remove', { run })
    },
  },
  {
    name: 'another project is made from a sample and removed',
    several: true,
    do: async (shell) => {
      const { id } = await shell.invoke('samples.open', { sample: 'digits' })
      await shell.invoke('projects.rename', { project: id, name: 'Second' })
      await shell.invoke('projects.remove', { project: id })
    },
  },
]

/** What a person finds, without what may differ from start to start. */
async function seen(shell: ShellTarget): Promise<{ whole: string; done: string[] }> {
  const { theme } = await shell.invoke('settings.get')
  const projects = await shell.invoke('projects.list')
  const shown = await Promise.all(projects.map(({ id }) => shell.invoke('projects.get', { project: id })))
  const open = ['queued', 'running', 'interrupted']
  const facts = shown.map(({ name, model, data, goal, runs }) => ({
    name,
    model: 'file' in model ? model.file.name : '',
    data: 'file' in data ? data.file.name : '',
    goal: goal?.kind,
    runs: runs.map(({ status, candidates }) => [
      open.includes(status) ? 'open' : status,
      candidates.map(({ report }) => report.sha256),
    ]),
  }))
  const done = shown.flatMap(({ runs }) =>
    runs.flatMap(({ candidates }) => candidates.map(({ report }) => report.sha256 ?? '')),
  )
  return { whole: JSON.stringify({ theme, facts }), done }
}

export class ServiceScenes {
  /** After each act of an unharmed run, the first being nothing yet. */
  private readonly states: { folder: string; whole: string; done: string[] }[] = []

  constructor(
    private readonly entry: string,
    private readonly root: string,
  ) {}

  private get dataDir(): string {
    return path.join(this.root, 'data')
  }

  /** Starts the app on the folder; what `work` gives, or undefined where the app was killed. */
  private async with<T>(work: (shell: ShellTarget) => Promise<T>): Promise<T | undefined> {
    let shell: ShellTarget | undefined
    try {
      shell = await ShellTarget.start(this.entry, this.dataDir)
      return await work(shell)
    } catch (thrown) {
      if (thrown instanceof Gone) return undefined
      throw thrown
    } finally {
      await shell?.end()
    }
  }

  private async remember(): Promise<void> {
    const found = await this.with(seen)
    const folder = path.join(this.root, `state-${this.states.length}`)
    fs.cpSync(this.dataDir, folder, { recursive: true })
    this.states.push({ folder, ...found! })
  }

  /** Paths are part of what the app keeps: states are put back where they were made. */
  private restore(index: number): void {
    fs.rmSync(this.dataDir, { recursive: true, force: true })
    fs.cpSync(this.states[index]!.folder, this.dataDir, { recursive: true })
  }

  /** Does the first acts once, unharmed; all of them by default. */
  async first(count = ACTS.length): Promise<Scene[]> {
    await this.remember()
    const acts = ACTS.slice(0, count)
    for (const act of acts) {
      await this.with(act.do)
      await this.remember()
    }
    return acts.map((act, index) => this.scene(act, index))
  }

  private scene({ name, do: work, several }: Act, index: number): Scene {
    const [before, after] = [this.states[index]!, this.states[index + 1]!]
    return {
      name: `the app while ${name}`,
      entry: 'browser-shell.js',
      prepare: async () => this.restore(index),
      work: async () => void (await this.with(work)),
      between: async () => undefined,
      after: async () => {
        const found = await this.with(async (shell) => ({
          ...(await seen(shell)),
          notices: await shell.invoke('notices.list'),
        }))
        if (!found) return 'the app does not start'
        if (found.notices.length > 0) return `damaged: ${JSON.stringify(found.notices)}`
        // Whatever was finished before and is meant to stay must be there.
        const lost = before.done.filter((sha) => after.done.includes(sha) && !found.done.includes(sha))
        if (lost.length > 0) return 'finished work is gone'
        if (!several && found.whole !== before.whole && found.whole !== after.whole)
          return `neither before nor after: ${found.whole}`
        return this.filesFault() ?? leftovers(this.dataDir)
      },
    }
  }

  /** Every model a run has finished must be the one it was measured by. */
  private filesFault(): string | undefined {
    const projects = path.join(this.dataDir, 'projects')
    for (const name of fs.existsSync(projects) ? fs.readdirSync(projects) : []) {
      const { runs } = JSON.parse(fs.readFileSync(path.join(projects, name), 'utf8')) as {
        runs: { candidates: { folder: string; report: { sha256?: string } }[] }[]
      }
      for (const { folder, report } of runs.flatMap(({ candidates }) => candidates))
        if (hashOf(path.join(folder, 'model.onnx')) !== report.sha256)
          return `a model is not what ${name} says`
    }
    return undefined
  }
}
