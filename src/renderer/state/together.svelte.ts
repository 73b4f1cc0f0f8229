/** Candidates that are looked at side by side are measured in one sitting, by itself; a person may stop it. */
import type { MethodInput, MethodName, MethodOutput } from '../../contract/app'
import type { Project } from '../../contract/project'

/** What the window's state does for it. */
interface Owner {
  readonly projectId: string
  ask<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M> | undefined>
  work<M extends MethodName>(
    method: M,
    input: MethodInput<M> & { project: string },
  ): Promise<MethodOutput<M> | undefined>
  background(work: Promise<unknown>): void
  show(project: Project): void
}

const keyOf = (candidates: readonly string[]): string => candidates.toSorted().join(' ')

export class Together {
  /** The candidates that are being measured. */
  private going = $state<string>()
  /** Sets that were stopped or could not be measured: they are left until somebody asks. */
  private left = $state<string[]>([])

  constructor(private readonly app: Owner) {}

  measures = (candidates: readonly string[]): boolean => this.going === keyOf(candidates)

  /** Unless it was stopped before. */
  begin(candidates: readonly string[]): void {
    const key = keyOf(candidates)
    if (this.going !== key && !this.left.includes(key)) this.app.background(this.measure(candidates))
  }

  async measure(candidates: readonly string[]): Promise<void> {
    const [{ app }, key] = [this, keyOf(candidates)]
    this.left = this.left.filter((other) => other !== key)
    this.going = key
    const project = await app.work('compare.together', {
      project: app.projectId,
      candidates: [...candidates],
    })
    // Others may have taken its place meanwhile.
    if (this.going === key) {
      this.going = undefined
      if (!project) this.left = [...this.left, key]
    }
    if (project && project.id === app.projectId) app.show(project)
  }

  async stop(): Promise<void> {
    await this.app.ask('compare.stop', { project: this.app.projectId })
  }
}
