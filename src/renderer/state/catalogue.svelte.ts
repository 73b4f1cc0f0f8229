/** What there is to choose from, with what plug-ins bring, and the plug-ins. */
import type { Host, MethodName, MethodOutput } from '../../contract/app'
import type { TaskDescription } from '../../contract/dataset'
import type { PassDescription } from '../../contract/passes'
import type { PluginDescription } from '../../contract/plugins'
import type { Preset } from '../../contract/recipe'
import type { TargetDescription } from '../../contract/targets'

type Listing = Extract<MethodName, `${string}.list` | 'recipes.presets'>

/** What the window's state does for it. */
interface Owner {
  ask<M extends Listing>(method: M, input: undefined): Promise<MethodOutput<M> | undefined>
  background(work: Promise<unknown>): void
}

export class Catalogue {
  passes = $state.raw<PassDescription[]>([])
  presets = $state.raw<Preset[]>([])
  targets = $state.raw<TargetDescription[]>([])
  tasks = $state.raw<TaskDescription[]>([])
  plugins = $state.raw<PluginDescription[]>([])

  constructor(private readonly app: Owner) {}

  listen({ on }: Pick<Host, 'on'>): void {
    on('plugins.changed', () => this.app.background(this.read()))
  }

  async read(): Promise<void> {
    const none = undefined
    const [passes, presets, targets, tasks] = await Promise.all([
      this.app.ask('passes.list', none),
      this.app.ask('recipes.presets', none),
      this.app.ask('targets.list', none),
      this.app.ask('tasks.list', none),
      this.readPlugins(),
    ])
    this.passes = passes ?? []
    this.presets = presets ?? []
    this.targets = targets ?? []
    this.tasks = tasks ?? []
  }

  async readPlugins(): Promise<void> {
    this.plugins = (await this.app.ask('plugins.list', undefined)) ?? this.plugins
  }

  passTitle = (id: string): string => this.passes.find((pass) => pass.id === id)?.title ?? id

  targetOf = (id: string): TargetDescription | undefined => this.targets.find((target) => target.id === id)
}
