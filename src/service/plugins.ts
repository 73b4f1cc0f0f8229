/** Plug-ins that a person has chosen for the window: the settings name them, and every engine loads them. */
import os from 'node:os'
import path from 'node:path'
import { errorData, PareError, toError } from '../contract/errors'
import { errorMessage } from '../contract/messages'
import type { PluginDescription } from '../contract/plugins'
import { EngineHost } from './engine-host'
import type { Handlers, Parts } from './parts'

/** Longer than the engine itself waits for a module: one that blocks it altogether is given up then. */
const TRIAL_MS = 60_000

export function pluginHandlers({ core, catalogue }: Parts) {
  const named = (): string[] => core.settings.get().plugins

  /** As they were told of last: whoever changes something need not wait until the engine has time to say. */
  let told: PluginDescription[] = []

  async function list(): Promise<PluginDescription[]> {
    if (named().length === 0) return (told = [])
    try {
      told = await catalogue.plugins()
    } catch (cause) {
      const error = errorData(cause)
      told = named().map((place) => ({ place, name: path.basename(place), brings: [], error }))
    }
    return told
  }

  /** In an engine of its own: what ends it, or keeps it from ever answering, is not let into the others. */
  async function tryLoading(place: string): Promise<PluginDescription[]> {
    const trial = new EngineHost(() => core.engine({ plugins: [...named(), place], pluginsMayFail: true }))
    const failed = (reason: string): PareError => new PareError('plugin/failed', { plugin: place, reason })
    try {
      const during = 'loading the plug-in'
      const found = await trial.run('plugins', undefined, { during, signal: AbortSignal.timeout(TRIAL_MS) })
      const error = found.at(-1)?.error
      if (error) throw toError(error)
      return found
    } catch (cause) {
      const error = errorData(cause)
      if (error.code === 'plugin/failed') throw cause
      if (error.code === 'cancelled') throw failed(`it was not loaded within ${TRIAL_MS / 1000} seconds`)
      throw failed(`the engine ended while it was loaded (${errorMessage(error).what.replace(/\.$/, '')})`)
    } finally {
      trial.close()
    }
  }

  function use(plugins: string[], described: PluginDescription[]): PluginDescription[] {
    core.settings.set({ plugins })
    catalogue.forget()
    core.interactive.renew(true)
    // A run ends with what it was begun with.
    core.work.renew()
    core.emit('plugins.changed', {})
    return (told = described)
  }

  return {
    'plugins.list': list,
    'plugins.add': async ({ place: said }) => {
      const given = said ?? (await core.host.pick?.('plugin'))?.[0]
      if (given === undefined) return null
      const place = placeOf(given)
      if (named().includes(place)) return list()
      const described = await tryLoading(place)
      return use([...named(), place], described)
    },
    'plugins.remove': ({ place }) =>
      use(
        named().filter((one) => one !== place),
        told.filter((one) => one.place !== place),
      ),
  } satisfies Partial<Handlers>
}

/** Throws `plugin/failed` for what is no whole path: the window stands in no folder. */
function placeOf(said: string): string {
  const words = said.trim()
  const whole = words.replace(/^~(?=$|[\\/])/, os.homedir())
  if (path.isAbsolute(whole)) return path.resolve(whole)
  throw new PareError('plugin/failed', {
    plugin: words,
    reason: 'it is not named by its whole path, from the top of the disk or “~” on',
  })
}
