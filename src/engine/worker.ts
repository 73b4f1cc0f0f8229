/**
 * Entry of the engine process. It answers one message at a time from whoever started it, under Electron's
 * `utilityProcess` and Node's `child_process.fork` alike, and ends when that one is gone.
 */
import path from 'node:path'
import { HANDLERS } from './jobs/handlers'
import { watchMemory } from './jobs/memory-watch'
import { loadPlugins, pluginsIn } from './jobs/plugins'
import { serve, type Port } from './jobs/serve'

/** The part of Electron's MessagePortMain that is used; this room must not know Electron. */
interface ParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { data: unknown }) => void): void
}

function portToParent(): Port {
  const { parentPort } = process as typeof process & { parentPort?: ParentPort }
  if (parentPort)
    return {
      post: (message) => parentPort.postMessage(message),
      onMessage: (listener) => parentPort.on('message', ({ data }) => listener(data)),
    }
  if (!process.send) throw new Error('the engine is started by the app, not by hand')
  process.on('disconnect', () => process.exit(0))
  return {
    // Without a callback a message to a process that is gone becomes an exception, which is answered by a message.
    post: (message) => void process.send!(message, undefined, undefined, (error) => error && process.exit(0)),
    onMessage: (listener) => process.on('message', listener),
  }
}

// Ctrl-C in a terminal reaches every process of the group; whoever started this one decides what it means.
process.on('SIGINT', () => undefined)
watchMemory()
const plugins = loadPlugins(
  pluginsIn(process.env.PARE_PLUGINS),
  path.join(import.meta.dirname, 'library.js'),
  process.env.PARE_PLUGINS_MAY_FAIL === '1',
)
const stray = serve(portToParent(), HANDLERS, plugins)
process.on('uncaughtException', stray)
process.on('unhandledRejection', stray)
