/**
 * Passes, targets and tasks of others. A plug-in is a module whose exports (or whose default export) hold `passes`, made
 * by `definePass`, `targets`, made by `defineTarget`, and `tasks`, made by `defineTask`. It is code: it may do what Pare
 * may do.
 */
import fs from 'node:fs'
import { register } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { PareError } from '../../contract/errors'
import { addPass } from '../passes'
import type { Pass } from '../passes/pass'
import { addTarget } from '../targets'
import type { Target } from '../targets/target'
import { addTask } from '../tasks'
import type { TaskDeclaration } from '../tasks/task'

const Made = z.object({
  passes: z
    .array(z.custom<Pass>((one) => typeof (one as Pass)?.run === 'function' && 'parse' in (one as object)))
    .default([]),
  targets: z.array(z.custom<Target>((one) => typeof (one as Target)?.description === 'object')).default([]),
  tasks: z
    .array(z.custom<TaskDeclaration>((one) => typeof (one as TaskDeclaration)?.meter === 'function'))
    .default([]),
})

export type Plugin = z.input<typeof Made>

/** What `PARE_PLUGINS` says. */
export const pluginsIn = (text: string | undefined): string[] =>
  z.array(z.string()).parse(JSON.parse(text || '[]'))

/**
 * Loads modules one after the other: absolute paths of files or folders, or names of packages looked for from the
 * current folder on. `library` is the file that `import … from 'pare'` gives them, so that what they define is of
 * the Pare that runs it. Throws `plugin/failed`.
 */
export async function loadPlugins(plugins: readonly string[], library: string): Promise<void> {
  if (plugins.length === 0) return
  const url = JSON.stringify(pathToFileURL(library).href)
  const hook = `export const resolve = (name, at, next) => name === 'pare' ? { url: ${url}, shortCircuit: true } : next(name, at)`
  register(`data:text/javascript,${encodeURIComponent(hook)}`)
  for (const plugin of plugins)
    try {
      take(await import(pathToFileURL(entryOf(plugin)).href))
    } catch (cause) {
      throw new PareError('plugin/failed', { plugin, reason: reasonOf(cause) }, { cause })
    }
}

/** Takes what a module exports into the registries. Throws an Error for what is no plug-in. */
export function take(module: object): void {
  const named = Object.keys(Made.shape).some((kind) => kind in module)
  const { passes, targets, tasks } = Made.parse('default' in module && !named ? module.default : module)
  if (passes.length + targets.length + tasks.length === 0)
    throw new Error('it exports no passes, targets or tasks')
  passes.forEach(addPass)
  targets.forEach(addTarget)
  tasks.forEach(addTask)
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError)
    return cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}

function entryOf(plugin: string): string {
  const place = path.isAbsolute(plugin) ? plugin : packageNamed(plugin)
  if (!fs.existsSync(place)) throw new Error('there is no such file or folder')
  if (!fs.statSync(place).isDirectory()) return place
  const about = path.join(place, 'package.json')
  const said = fs.existsSync(about) && (JSON.parse(fs.readFileSync(about, 'utf8')) as { main?: string }).main
  const names = [...(said ? [said] : []), 'index.mjs', 'index.js']
  const found = names.map((name) => path.join(place, name)).find((file) => fs.existsSync(file))
  if (!found) throw new Error(`the folder holds none of ${names.join(', ')}`)
  return found
}

function packageNamed(name: string): string {
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const place = path.join(folder, 'node_modules', name)
    if (fs.existsSync(place)) return place
    if (folder === path.dirname(folder)) throw new Error('no package of that name is installed here')
  }
}
