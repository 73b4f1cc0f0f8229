/** What moves while work goes on, newer than the project itself: progress, learning curves, trials, tasks. */
import type { Host } from '../../contract/app'
import type { Run, RunProgress } from '../../contract/project'
import type { StepRecord } from '../../contract/report'
import type { TrialPoint } from '../../contract/trial'

type Curve = NonNullable<StepRecord['curve']>

export class Live {
  /** By run. */
  progress = $state<Record<string, RunProgress & { step?: number; project: string }>>({})
  /** What the pass that learns now has reached, by run. */
  curves = $state<Record<string, { step?: number; points: Curve }>>({})
  /** What a search has tried, by run. */
  trials = $state<Record<string, TrialPoint[]>>({})
  /** Runs that were told to stop and keep what they have: said at once, long before they do. */
  stopping = $state<Record<string, boolean>>({})
  /** Work that is no run, by project. */
  tasks = $state<Record<string, { done: number; doing: string }>>({})

  listen({ on }: Pick<Host, 'on'>): void {
    on('run.progress', (event) => (this.progress[event.run] = event))
    on('run.point', ({ run, epoch, loss, quality }) => {
      const step = this.progress[run]?.step
      const known = this.curves[run]
      const goesOn = known?.step === step && (known?.points.at(-1)?.epoch ?? epoch) < epoch
      this.curves[run] = { step, points: [...(goesOn ? known!.points : []), { epoch, loss, quality }] }
    })
    on('run.trial', ({ run, trial }) => {
      const known = this.trials[run] ?? []
      this.trials[run] = [...known.filter(({ key }) => key !== trial.key), trial]
    })
    on('task.progress', ({ project, ...task }) => (this.tasks[project] = task))
  }

  /** A run has ended; what it left behind is in the project. */
  forget(run: string): void {
    delete this.progress[run]
    delete this.curves[run]
    delete this.stopping[run]
  }

  /** True while there is something to keep of what goes on: a search has tried recipes, or a pass learns. */
  canStop({ id, goal, trials }: Run): boolean {
    if (this.stopping[id]) return false
    if (goal.kind === 'search') return (this.trials[id] ?? trials ?? []).length > 0
    return this.learns(id)
  }

  /** True while a pass of the run learns. */
  learns(run: string): boolean {
    const curve = this.curves[run]
    return curve?.step !== undefined && curve.step === this.progress[run]?.step
  }
}
