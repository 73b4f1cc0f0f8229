import { examples, withEngineOptions, type AddCommand } from '../command'
import { print, table } from '../output'
import { printDocument } from '../document'

export const addTargets: AddCommand = (program, { session }) => {
  const command = program
    .command('targets')
    .description('what a model can be made for: the names that --target takes')
  withEngineOptions(command)
    .addHelpText('after', examples('pare targets', 'pare targets --json'))
    .action(async ({ json }: { json?: boolean }) => {
      const targets = await session.run('targets', undefined, 'listing the targets')
      if (json) return printDocument(session, 'targets', { targets })
      const rows = targets.map(({ id, aliases, title, detail }) => [
        [id, ...aliases].join(', '),
        `${title}: ${detail}`,
      ])
      print(table(rows, 'left'))
    })
}
