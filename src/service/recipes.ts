/** Which recipes a goal stands for, and recipes as files. */
import fs from 'node:fs'
import { parse } from 'yaml'
import { PareError } from '../contract/errors'
import type { Goal } from '../contract/goal'
import type { PassDescription } from '../contract/passes'
import { Recipe, type Preset } from '../contract/recipe'
import type { EngineHost } from './engine-host'

/** The passes and presets of the engine, asked once. */
export class Catalogue {
  private passList: Promise<PassDescription[]> | undefined
  private presetList: Promise<Preset[]> | undefined
  private readonly titles = new Map<string, string>()

  constructor(private readonly engine: EngineHost) {}

  passes(): Promise<PassDescription[]> {
    this.passList ??= this.engine
      .run('passes', undefined, { during: 'listing the passes' })
      .then((passes) => {
        for (const { id, title } of passes) this.titles.set(id, title)
        return passes
      })
    // A crash of the engine must not be remembered as the answer.
    this.passList.catch(() => (this.passList = undefined))
    return this.passList
  }

  presets(): Promise<Preset[]> {
    this.presetList ??= this.engine.run('presets', undefined, { during: 'listing the presets' })
    this.presetList.catch(() => (this.presetList = undefined))
    return this.presetList
  }

  /** The id where titles are not known yet. */
  title = (pass: string): string => this.titles.get(pass) ?? pass

  async recipesOf(goal: Goal): Promise<Recipe[]> {
    if (goal.kind === 'recipe') return [goal.recipe]
    // A search finds its recipes itself.
    if (goal.kind === 'search') return []
    const presets = (await this.presets()).map((preset) => ({ id: preset.id, recipe: plain(preset) }))
    return presets.filter(({ id }) => id === goal.preset).map(({ recipe }) => recipe)
  }
}

const plain = ({ pare, name, description, steps }: Preset): Recipe => ({ pare, name, description, steps })

/** JSON, or YAML by the ending of the name. Throws `recipe/invalid` with the first thing that is wrong. */
export function readRecipe(file: string, shownAs = file): Recipe {
  const invalid = (reason: string): PareError => new PareError('recipe/invalid', { file: shownAs, reason })
  const yaml = /\.ya?ml$/i.test(file)
  let value: unknown
  try {
    const text = fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
    // Aliases multiply.
    value = yaml ? parse(text, { maxAliasCount: 0 }) : JSON.parse(text)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new PareError('data/not-found', { path: shownAs })
    throw invalid(`it is not ${yaml ? 'YAML' : 'JSON'} (${message})`)
  }
  const parsed = Recipe.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(issue ? `${issue.path.join('.') || 'the file'}: ${issue.message}` : 'it is not a recipe')
}

/** The file of a recipe, the same one the command line takes. */
export const recipeText = (recipe: Recipe): string => `${JSON.stringify(recipe, null, 2)}\n`

/** Most bytes of a name: with what is put before and after it, every file system takes it. */
const LONGEST = 120

/** A name that every file system takes. */
export function fileName(name: string): string {
  let safe = ''
  let length = 0
  for (const character of name) {
    const next = /[\p{L}\p{N} ._-]/u.test(character) ? character : '-'
    if ((length += Buffer.byteLength(next)) > LONGEST) break
    safe += next
  }
  return safe.replace(/^[. ]+|[. ]+$/g, '') || 'pare'
}
