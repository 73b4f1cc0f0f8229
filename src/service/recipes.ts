/** Which recipes a goal stands for, and recipes as files. */
import fs from 'node:fs'
import { parse } from 'yaml'
import { PareError } from '../contract/errors'
import type { Goal } from '../contract/goal'
import type { TaskDescription } from '../contract/dataset'
import type { PassDescription } from '../contract/passes'
import type { PluginDescription } from '../contract/plugins'
import { Recipe, type Preset } from '../contract/recipe'
import type { TargetDescription } from '../contract/targets'
import type { JobInput, JobOutput } from '../engine/jobs/protocol'
import type { EngineHost } from './engine-host'

type Listed = 'passes' | 'presets' | 'targets' | 'tasks' | 'plugins'

/** What the engine has to choose from, asked once; `forget` where plug-ins have come or gone. */
export class Catalogue {
  private readonly lists = new Map<Listed, Promise<unknown>>()
  private readonly titles = new Map<string, string>()

  constructor(private readonly engine: EngineHost) {}

  private list<J extends Listed>(job: J): Promise<JobOutput<J>> {
    const known = this.lists.get(job) as Promise<JobOutput<J>> | undefined
    if (known) return known
    const asked = this.engine.run(job, undefined as JobInput<J>, { during: `listing the ${job}` })
    this.lists.set(job, asked)
    // A crash of the engine must not be remembered as the answer.
    asked.catch(() => this.lists.get(job) === asked && this.lists.delete(job))
    return asked
  }

  forget(): void {
    this.lists.clear()
  }

  async passes(): Promise<PassDescription[]> {
    const passes = await this.list('passes')
    for (const { id, title } of passes) this.titles.set(id, title)
    return passes
  }

  presets = (): Promise<Preset[]> => this.list('presets')
  targets = (): Promise<TargetDescription[]> => this.list('targets')
  tasks = (): Promise<TaskDescription[]> => this.list('tasks')
  plugins = (): Promise<PluginDescription[]> => this.list('plugins')

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
