/** Plug-ins of the backend in memory: every one brings the same. */
import { PareError } from '../../../src/contract/errors'
import type { PluginDescription } from '../../../src/contract/plugins'
import type { FakeHost, Handlers } from './host'

const plugin = (place: string): PluginDescription => ({
  place,
  name: 'mine',
  version: '1.2.0',
  brings: [
    { kind: 'pass', id: 'round-to-step', title: 'Round weights to a step' },
    { kind: 'task', id: 'within-a-tenth', title: 'within-a-tenth' },
  ],
})

export function pluginHandlers(host: FakeHost): Handlers {
  const use = (plugins: PluginDescription[]): PluginDescription[] => {
    host.plugins = plugins
    host.emit('plugins.changed', {})
    return plugins
  }
  return {
    'plugins.list': () => host.plugins,
    'plugins.add': ({ place }) => {
      if (!place) return null
      if (!place.startsWith('/'))
        throw new PareError('plugin/failed', { plugin: place, reason: 'it is not named by its whole path' })
      return use([...host.plugins, plugin(place)])
    },
    'plugins.remove': ({ place }) => use(host.plugins.filter((one) => one.place !== place)),
    'tasks.list': () => [
      { id: 'classification', metric: 'accuracy' },
      ...host.plugins.map(() => ({ id: 'within-a-tenth', metric: 'withinATenth' })),
    ],
  }
}
