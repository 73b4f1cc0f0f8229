/** Entry of the `pare` command under Node. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { forkEngine } from '../service'
import { runCommand } from './program'

const here = import.meta.dirname

process.exitCode = await runCommand(process.argv.slice(2), {
  start: (limits) => forkEngine(path.join(here, 'worker.js'), limits),
  resourcesDir: path.resolve(here, '../../resources'),
  // A shell of its own beside this one: built from its own entry.
  openWindow: () => import(pathToFileURL(path.join(here, 'browser-shell.js')).href) as Promise<void>,
})
