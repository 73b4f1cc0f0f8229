/** The recipe being written: every change is kept for undo and saved as the project's goal. */
import type { MethodInput, MethodName, MethodOutput } from '../../contract/app'
import type { Project } from '../../contract/project'
import type { Recipe, RecipeStep } from '../../contract/recipe'

const EMPTY: Recipe = { pare: 1, name: 'My recipe', description: '', steps: [] }
const KEPT = 100
const MERGE_MS = 1200

interface Problem {
  step: number
  message: string
}

/** What the window's state does for the editor. */
interface Owner {
  /** What goals are for. */
  readonly goalTarget: string
  ask<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M> | undefined>
  show(project: Project): void
}

export class RecipeEditor {
  recipe = $state.raw<Recipe>(EMPTY)
  problems = $state.raw<Problem[]>([])
  private past = $state.raw<Recipe[]>([])
  private future = $state.raw<Recipe[]>([])
  private project?: string
  private lastKind = ''
  private lastTime = 0
  private saved: Promise<void> = Promise.resolve()
  private saving = 0

  constructor(private readonly app: Owner) {}

  get canUndo(): boolean {
    return this.past.length > 0
  }

  get canRedo(): boolean {
    return this.future.length > 0
  }

  load(project: Project): void {
    if (project.id !== this.project) {
      this.project = project.id
      this.past = []
      this.future = []
      this.problems = []
      this.recipe = project.goal?.kind === 'recipe' ? project.goal.recipe : EMPTY
    } else if (project.goal?.kind === 'recipe' && !this.saving) {
      this.recipe = project.goal.recipe
    }
  }

  /** Typing into one field is one step of undo: changes of the same kind shortly after each other are merged. */
  change(recipe: Recipe, kind = ''): Promise<void> {
    const now = Date.now()
    const merge = kind !== '' && kind === this.lastKind && now - this.lastTime < MERGE_MS
    if (!merge) this.past = [...this.past, this.recipe].slice(-KEPT)
    this.lastKind = kind
    this.lastTime = now
    this.future = []
    this.recipe = recipe
    return this.save()
  }

  replace = (recipe: Recipe): Promise<void> => this.change(recipe)

  setSteps = (steps: RecipeStep[], kind = ''): Promise<void> => this.change({ ...this.recipe, steps }, kind)

  add(pass: string): Promise<void> {
    return this.setSteps([...this.recipe.steps, { pass, params: {} }])
  }

  remove = (index: number): Promise<void> => this.setSteps(this.recipe.steps.filter((_, at) => at !== index))

  move(index: number, by: -1 | 1): Promise<void> {
    const steps = [...this.recipe.steps]
    const [step] = steps.splice(index, 1)
    steps.splice(index + by, 0, step!)
    return this.setSteps(steps)
  }

  /** `undefined` goes back to the default. */
  setParameter(index: number, name: string, value: unknown): Promise<void> {
    const steps = this.recipe.steps.map((step, at) => {
      if (at !== index) return step
      const params = { ...step.params, [name]: value }
      if (value === undefined) delete params[name]
      return { ...step, params }
    })
    return this.setSteps(steps, value === undefined ? '' : `${index}.${name}`)
  }

  undo(): Promise<void> {
    return this.travel('past', 'future')
  }

  redo(): Promise<void> {
    return this.travel('future', 'past')
  }

  private travel(from: 'past' | 'future', to: 'past' | 'future'): Promise<void> {
    const recipe = this[from].at(-1)
    if (!recipe) return Promise.resolve()
    this[from] = this[from].slice(0, -1)
    this[to] = [...this[to], this.recipe]
    this.recipe = recipe
    this.lastKind = ''
    return this.save()
  }

  /** Makes the recipe the goal and asks what stands in its way. */
  save(): Promise<void> {
    return (this.saved = this.saveSoon())
  }

  /** Once the last change is the project's goal: what starts now starts with it. */
  settled(): Promise<void> {
    return this.saved
  }

  private async saveSoon(): Promise<void> {
    const { project } = this
    if (!project) return
    const ticket = ++this.saving
    const recipe = this.recipe
    await new Promise((resolve) => setTimeout(resolve, 250))
    if (ticket !== this.saving) return
    const goal = { kind: 'recipe', recipe, target: this.app.goalTarget } as const
    const saved = await this.app.ask('project.setGoal', { project, goal })
    if (ticket !== this.saving) return
    this.saving = 0
    if (saved) this.app.show(saved)
    await this.check()
  }

  async check(): Promise<void> {
    const { project, recipe } = this
    if (!project || !recipe.steps.length) this.problems = []
    else {
      const result = await this.app.ask('recipes.check', { project, recipe })
      if (this.recipe === recipe || !result) this.problems = result?.problems ?? []
    }
  }
}
