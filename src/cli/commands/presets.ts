import { PareError } from '../../contract/errors'
import { examples, withEngineOptions, type AddCommand } from '../command'
import { print, table } from '../output'
import { printDocument } from '../document'

export const addPresets: AddCommand = (program, { session }) => {
  const command = program
    .command('presets')
    .description('recipes that come with Pare: the names that --recipe takes')
    .argument('[id]', 'only this one, with its steps')
  withEngineOptions(command)
    .addHelpText('after', examples('pare presets', 'pare presets balanced', 'pare presets balanced --json'))
    .action(async (id: string | undefined, { json }: { json?: boolean }) => {
      const all = await session.run('presets', undefined, 'listing the presets')
      const one = all.find((preset) => preset.id === id)
      if (id !== undefined && !one)
        throw new PareError('recipe/unknown', { recipe: id, known: all.map((preset) => preset.id) })
      if (json) return printDocument(session, 'presets', { presets: one ? [one] : all })
      if (!one)
        return print(
          table(
            all.map(({ id: name, description }) => [name, description]),
            'left',
          ),
        )
      const steps = one.steps.map(({ pass, params }) => {
        const given = Object.entries(params).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        return `  ${[pass, ...given].join(' ')}`
      })
      print([`${one.name}: ${one.description}`, ...steps].join('\n'))
    })
}
