import { examples, type AddCommand } from '../command'

export const addWindow: AddCommand = (program, { openWindow }) => {
  program
    .command('window')
    .description('open the window: the desktop app’s, or in a browser of this machine')
    .addHelpText('after', examples('pare window'))
    .action(openWindow)
}
