/** Generated documents are in step with what they are generated from; `npm run docs` writes them anew. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { ParameterField, PassDescription } from '../src/contract/passes'
import { Recipe } from '../src/contract/recipe'
import { describePasses } from '../src/engine/passes'

const show = (value: unknown): string => (value === undefined ? '' : `\`${JSON.stringify(value)}\``)

function range(field: ParameterField): string {
  if (field.choices) return field.choices.map((choice) => `\`${choice}\``).join(', ')
  const { minimum, maximum } = field
  if (minimum === undefined && maximum === undefined) return field.kind
  return `${field.kind}, ${minimum ?? '−∞'} … ${maximum ?? '∞'}`
}

const list = (words: readonly string[]): string =>
  [words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function section(pass: PassDescription): string {
  const needs = pass.needs.length > 0 ? `Needs: ${pass.needs.join(', ')} data.` : 'Needs no data.'
  const rows = pass.parameters.map((field) =>
    [`\`${field.name}\``, field.label, range(field), show(field.default), field.help].map(cell).join(' | '),
  )
  const table =
    rows.length > 0
      ? ['| parameter | | values | default | |', '|---|---|---|---|---|', ...rows.map((row) => `| ${row} |`)]
      : []
  return [
    `## ${pass.id}`,
    '',
    `**${pass.title}** (${[pass.term, pass.family].filter(Boolean).join('; ')}). ${pass.summary} ${needs}`,
    '',
    `Role: ${pass.role}. ${pass.after.length > 0 ? `Comes after what ${list(pass.after)}.` : ''}`.trim(),
    '',
    ...table,
    '',
    `Sources: ${pass.sources.join('; ')}.`,
    '',
  ].join('\n')
}

test('docs/passes.md', async () => {
  const intro =
    '# Passes\n\nGenerated from the declarations of the passes by `npm run docs`. On the command line: `--pass \'ID name=value …\'`; in a recipe: `{"pass": "ID", "params": {…}}`.\n'
  await expect([intro, ...describePasses().map(section)].join('\n')).toMatchFileSnapshot('../docs/passes.md')
})

test('docs/recipe.schema.json', async () => {
  const schema = JSON.stringify(z.toJSONSchema(Recipe, { io: 'input' }), null, 2)
  await expect(`${schema}\n`).toMatchFileSnapshot('../docs/recipe.schema.json')
})
