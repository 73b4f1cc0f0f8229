import { PARAMETER_GROUPS, type ParameterField, type PassDescription } from '../../contract/passes'
import { PareError } from '../../contract/errors'
import { examples, withEngineOptions, type AddCommand } from '../command'
import { print, table } from '../output'
import { printDocument } from '../document'

const range = ({ minimum, maximum, choices, kind }: ParameterField): string => {
  if (choices) return choices.join(' | ')
  if (minimum === undefined && maximum === undefined) return kind
  return `${minimum ?? '…'} to ${maximum ?? '…'}`
}

const parameterTable = (fields: readonly ParameterField[]): string =>
  table(
    fields.map((field) => [
      `  ${field.name}`,
      range(field),
      `default ${JSON.stringify(field.default ?? null)}`,
      field.help,
    ]),
    'left',
  )

function details(pass: PassDescription): string {
  const shared = Object.entries(PARAMETER_GROUPS).flatMap(([group, title]) => {
    const fields = pass.parameters.filter((field) => field.group === group)
    return fields.length > 0 ? [`${title} settings:`, parameterTable(fields)] : []
  })
  const needs = pass.needs.length > 0 ? `Needs ${pass.needs.join(' and ')}.` : 'Needs no data.'
  return [
    `${pass.id}: ${pass.title} (${[pass.term, pass.family].filter(Boolean).join('; ')})`,
    pass.summary,
    needs,
    parameterTable(pass.parameters.filter(({ group }) => !group)),
    ...shared,
    `Sources: ${pass.sources.join('; ')}`,
  ]
    .filter(Boolean)
    .join('\n')
}

export const addPasses: AddCommand = (program, { session }) => {
  const command = program
    .command('passes')
    .description('what can be done to a model: every pass, with its parameters')
    .argument('[id]', 'only this pass, in full')
  withEngineOptions(command)
    .addHelpText('after', examples('pare passes', 'pare passes quantize-static', 'pare passes --json'))
    .action(async (id: string | undefined, { json }: { json?: boolean }) => {
      const all = await session.run('passes', undefined, 'listing the passes')
      const chosen = id === undefined ? all : all.filter((pass) => pass.id === id)
      if (id !== undefined && chosen.length === 0)
        throw new PareError('pass/unknown', { pass: id, known: all.map((pass) => pass.id) })
      if (json) await printDocument(session, 'passes', { passes: chosen })
      else if (id !== undefined) print(details(chosen[0]!))
      else
        print(
          table(
            all.map((pass) => [pass.id, pass.term ?? pass.title.toLowerCase(), pass.summary]),
            'left',
          ),
        )
    })
}
