/** What recipes will take and make here, told before they begin: estimates, from one timed run of the model. */
import { untrack } from 'svelte'
import type { MethodOutput } from '../../../contract/app'
import type { Recipe } from '../../../contract/recipe'
import type { App } from '../../state/app.svelte'

type Expected = MethodOutput<'recipes.expect'>

/** By the place of each recipe; asked for once for the same steps on the same model and data. To be made in a component. */
export class Expectations {
  known = $state.raw<readonly (Expected | undefined)[]>([])

  constructor(app: App, recipes: () => readonly Recipe[]) {
    /** Every event of a project makes it anew. */
    const about = $derived.by(() => {
      const { model, data } = app.project!
      // A model that is timed while a run takes the processor tells nothing.
      if (model.state !== 'ready' || data.state === 'loading' || app.activeRun) return undefined
      const steps = recipes().map((recipe) => recipe.steps)
      return JSON.stringify([model.file.id, data.state !== 'empty' && data.file.id, steps])
    })
    $effect(() => {
      this.known = []
      if (about === undefined) return
      const asked = untrack(recipes)
      let isCurrent = true
      const ask = async (): Promise<void> => {
        for (const [at, { pare, name, description, steps }] of asked.entries()) {
          if (!isCurrent || steps.length === 0) continue
          const recipe = { pare, name, description, steps }
          // What stands against a recipe is told where it is edited, and when it starts.
          const expected = await app.host
            .invoke('recipes.expect', { project: app.projectId, recipe })
            .catch(() => undefined)
          if (isCurrent) this.known = Object.assign([...this.known], { [at]: expected })
        }
      }
      app.background(ask())
      return () => (isCurrent = false)
    })
  }
}
