/**
 * Passes, targets, encodings and tasks of others. A plug-in is a module whose exports (or whose default export) hold
 * `passes`, made by `definePass`, `targets`, made by `defineTarget`, `encodings`, made by `defineEncoding`, and `tasks`,
 * made by `defineTask`. It is code: it may do what Pare may do.
 */
import fs from 'node:fs'
import { register } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { errorData, PareError } from '../../contract/errors'
import { PASS_FAMILIES, PASS_ROLES } from '../../contract/passes'
import type { PluginDescription } from '../../contract/plugins'
import { addEncoding, ENCODINGS } from '../layers/encodings'
import type { Encoding } from '../layers/encodings/encoding'
import { addPass, PASSES } from '../passes'
import type { Pass } from '../passes/pass'
import { methods } from '../passes/quantization/low-bit'
import { addTarget, TARGETS } from '../targets'
import type { Target } from '../targets/target'
import { addTask, describeTasks } from '../tasks'
import type { TaskDeclaration } from '../tasks/task'

const Titled = { id: z.string().min(1), title: z.string().min(1) }
const Callable = z.custom<unknown>((one) => typeof one === 'function')
/** What others read of a declaration, checked of one that was made by hand too. */
const madeOf = <T>(shape: z.ZodRawShape) =>
  z.array(z.custom<T>((one) => z.looseObject(shape).safeParse(one).success)).default([])
const Made = z.object({
  passes: madeOf<Pass>({
    run: Callable,
    parse: Callable,
    description: z.looseObject({ ...Titled, family: z.enum(PASS_FAMILIES), role: z.enum(PASS_ROLES) }),
  }),
  targets: madeOf<Target>({ description: z.looseObject(Titled) }),
  encodings: madeOf<Encoding>(Titled),
  tasks: madeOf<TaskDeclaration>({ meter: Callable }),
})

/** What the module of a plug-in exports. @useDeclaredType */
export type Plugin = z.input<typeof Made>

/** What `PARE_PLUGINS` says. */
export const pluginsIn = (text: string | undefined): string[] =>
  z.array(z.string()).parse(JSON.parse(text || '[]'))

const LOADING_MS = 30_000

const loaded: PluginDescription[] = []

/** Those that were asked for, in their order. */
export const describePlugins = (): readonly PluginDescription[] => loaded

/**
 * Loads modules one after the other: absolute paths of files or folders, or names of packages looked for from the
 * current folder on. `library` is the file that `import … from 'pare'` gives them, so that what they define is of
 * the Pare that runs it. Throws `plugin/failed`, but where they `mayFail`: then what failed is told of the plug-in.
 */
export async function loadPlugins(
  plugins: readonly string[],
  library: string,
  mayFail = false,
): Promise<void> {
  if (plugins.length === 0) return
  const url = JSON.stringify(pathToFileURL(library).href)
  const hook = `export const resolve = (name, at, next) => name === 'pare' ? { url: ${url}, shortCircuit: true } : next(name, at)`
  register(`data:text/javascript,${encodeURIComponent(hook)}`)
  for (const place of plugins) {
    const plugin: PluginDescription = { place, name: path.basename(place), brings: [] }
    loaded.push(plugin)
    try {
      const { entry, name, version } = entryOf(place)
      Object.assign(plugin, name && { name }, version && { version })
      plugin.brings = take(await inTime(import(pathToFileURL(entry).href) as Promise<object>))
    } catch (cause) {
      const failed = new PareError('plugin/failed', { plugin: place, reason: reasonOf(cause) }, { cause })
      if (!mayFail) throw failed
      plugin.error = errorData(failed)
    }
  }
}

/** Takes what a module exports into the registries, all of it or nothing. Throws an Error for what is no plug-in. */
export function take(module: object): PluginDescription['brings'] {
  const named = Object.keys(Made.shape).some((kind) => kind in module)
  const { passes, targets, encodings, tasks } = Made.parse(
    'default' in module && !named ? module.default : module,
  )
  if (passes.length + targets.length + encodings.length + tasks.length === 0)
    throw new Error('it exports no passes, targets, encodings or tasks')
  unused('pass', PASSES.map(idOf), passes.map(idOf))
  unused('target', TARGETS.flatMap(targetNames), targets.flatMap(targetNames))
  unused('encoding', [...ENCODINGS.flatMap(encodingNames), ...methods()], encodings.flatMap(encodingNames))
  unused('task', describeTasks().map(idOf), tasks.map(idOf))
  passes.forEach(addPass)
  targets.forEach(addTarget)
  encodings.forEach(addEncoding)
  tasks.forEach(addTask)
  return [
    ...passes.map(({ description: { id, title } }) => ({ kind: 'pass' as const, id, title })),
    ...targets.map(({ description: { id, title } }) => ({ kind: 'target' as const, id, title })),
    ...encodings.map(({ id, title }) => ({ kind: 'encoding' as const, id, title })),
    ...tasks.map(({ id }) => ({ kind: 'task' as const, id, title: id })),
  ]
}

const idOf = ({ id }: { id: string }): string => id
const targetNames = ({ id, aliases }: Target): string[] => [id, ...aliases]
const encodingNames = ({ id, operators = [] }: Encoding): string[] => [
  id,
  ...operators.map(({ domain, op }) => (domain ? `${domain} ${op}` : op)),
]

/** Throws an Error for a name that there is already. */
function unused(kind: string, there: readonly string[], names: readonly string[]): void {
  const taken = new Set(there)
  for (const name of names) {
    if (taken.has(name)) throw new Error(`there is a ${kind} “${name}” already`)
    taken.add(name)
  }
}

/** A module may wait for something before it is there; what waits for ever must not hold up the engine. */
async function inTime<T>(loading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const reason = `it was not loaded within ${LOADING_MS / 1000} seconds`
    timer = setTimeout(() => reject(new Error(reason)), LOADING_MS)
  })
  return Promise.race([loading, late]).finally(() => clearTimeout(timer))
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError)
    return cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}

interface Entry {
  entry: string
  name?: string
  version?: string
}

const About = z.object({
  main: z.string().optional(),
  name: z.string().optional(),
  version: z.string().optional(),
})

function entryOf(plugin: string): Entry {
  const place = path.isAbsolute(plugin) ? plugin : packageNamed(plugin)
  if (!fs.existsSync(place)) throw new Error('there is no such file or folder')
  if (!fs.statSync(place).isDirectory()) return { entry: place }
  const file = path.join(place, 'package.json')
  const { main, name, version } = fs.existsSync(file)
    ? About.parse(JSON.parse(fs.readFileSync(file, 'utf8')))
    : {}
  const names = [...(main ? [main] : []), 'index.mjs', 'index.js']
  const found = names.map((one) => path.join(place, one)).find((one) => fs.existsSync(one))
  if (!found) throw new Error(`the folder holds none of ${names.join(', ')}`)
  return { entry: found, name, version }
}

function packageNamed(name: string): string {
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const place = path.join(folder, 'node_modules', name)
    if (fs.existsSync(place)) return place
    if (folder === path.dirname(folder)) throw new Error('no package of that name is installed here')
  }
}
