import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { PassDescription } from '../../src/contract/passes'
import { writeModel } from '../../src/engine/onnx'
import { readRecipe } from '../../src/service'
import type { Attack } from '../support/attack'
import { Target } from '../support/engines'
import { attackWith } from '../support/mutants'
import { compressed, SETTINGS } from '../support/results'
import type { Seed } from '../support/seeds'
import { tinyModel } from '../support/small-models'
import { mutateBytes } from '../mutate/bytes'
import { mutateJson } from '../mutate/json'

/** Learning takes its time without anything being wrong: such passes are checked, not run. */
const isQuick = ({ id, needs, role }: PassDescription): boolean =>
  !needs.includes('training') && role !== 'trains' && role !== 'chooses' && id !== 'adaround'

/** Of each pass a recipe as it is by itself, and one for every value that it says of each of its parameters. */
function recipesOf({ id, parameters }: PassDescription): unknown[] {
  const plain = Object.fromEntries(parameters.map(({ name, default: value }) => [name, value]))
  const values = parameters.flatMap(({ name, search = [], choices = [], minimum, maximum }) =>
    [...search, ...choices, minimum, maximum].map((value) => (value === undefined ? {} : { [name]: value })),
  )
  return [{}, ...values].map((changed) => ({
    pare: 1,
    name: `Mine, ${id}`,
    description: 'by hand',
    steps: [
      { pass: 'simplify', params: {} },
      { pass: id, params: { ...plain, ...changed } },
    ],
  }))
}

function writtenTo(folder: string, passes: readonly PassDescription[]): Seed[] {
  return passes.flatMap((pass) =>
    recipesOf(pass).map((recipe, i) => {
      const name = `${pass.id}-${i}.recipe.json`
      const file = path.join(folder, name)
      fs.writeFileSync(file, JSON.stringify(recipe, null, 2))
      return { name, file }
    }),
  )
}

export const attack: Attack = {
  about: 'recipes with parameters of every value and damaged recipe files: read, checked and run, or refused',
  count: 1000,
  async *run(options) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    const model = path.join(folder, 'tiny.onnx')
    writeModel(tinyModel(), model)
    const asking = new Target(options.built, options.memory)
    try {
      let passes: PassDescription[] = []
      await asking.outcome(async (run) => {
        passes = await run('passes', undefined, { during: 'listing the passes' })
      })
      const quick = new Set(passes.filter(isQuick).map(({ id }) => id))
      yield* attackWith(
        {
          seeds: writtenTo(folder, passes),
          mutate: (bytes, random) => {
            const kind = random.below(4)
            return kind === 0 ? bytes : (kind === 1 ? mutateBytes : mutateJson)(bytes, random)
          },
          judge: (target, file) =>
            target.outcome(async (run) => {
              const recipe = readRecipe(file)
              const asked = { model, data: {}, settings: SETTINGS }
              await run('checkRecipe', { ...asked, recipe }, { during: 'checking the recipe' })
              if (recipe.steps.every(({ pass }) => quick.has(pass)))
                await compressed(run, { model, recipe, folder: path.dirname(file) })
            }),
        },
        options,
      )
    } finally {
      asking.close()
      fs.rmSync(folder, { recursive: true, force: true })
    }
  },
}
