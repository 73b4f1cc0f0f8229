import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { examples, type AddCommand } from '../command'

export const addWindow: AddCommand = (program) => {
  program
    .command('window')
    .description('open the window, in a browser of this machine')
    .addHelpText('after', examples('pare window'))
    .action(async () => {
      // A shell of its own beside this one: built from its own entry.
      await import(pathToFileURL(path.join(import.meta.dirname, 'browser-shell.js')).href)
    })
}
