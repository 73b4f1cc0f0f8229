/** Every line of `pare` in the docs, in examples of the help and in the Dockerfile is one that the command takes. */
import { Command, CommanderError } from 'commander'
import path from 'node:path'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands'
import { Session } from '../../src/cli/session'
import { engineHere } from '../engine-here'
import { commandIn, DOCS, root, shellLines, textOf, words } from './documented'

const pages = ['README.md', 'CONTRIBUTING.md', 'Dockerfile', 'examples/plugin.mjs', ...DOCS]

const session = new Session(() => engineHere())

function program(): Command {
  const all = new Command('pare').version('1').exitOverride()
  all.configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
  for (const add of COMMANDS)
    add(all, { session, resourcesDir: path.join(root, 'resources'), openWindow: () => Promise.resolve() })
  for (const command of all.commands) {
    command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    command.action(() => undefined)
  }
  return all
}

const linesOf = (page: string): string[] => shellLines(textOf(page)).flatMap((line) => commandIn(line) ?? [])

const help = program().commands.flatMap((command) => {
  let text = ''
  command.configureOutput({ writeOut: (part) => void (text += part) })
  command.outputHelp()
  return [...text.matchAll(/\$ pare (.*)$/gm)].map(([, line]) => line!)
})
const documented = pages.flatMap(linesOf)

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`

test('every command that asks an engine can be told how much to say, and what else it may load', () => {
  const asking = program().commands.filter((command) => !['completion', 'window'].includes(command.name()))
  for (const command of asking)
    expect(
      command.options.map(({ long }) => long),
      command.name(),
    ).toEqual(
      expect.arrayContaining([
        '--json',
        '--quiet',
        '--progress',
        '--log-level',
        '--log-file',
        '--plugin',
        '--memory',
      ]),
    )
})

test('docs/cli.md', async () => {
  const sections = program().commands.map((command) => {
    const cell = (text: string): string => text.replaceAll('|', '\\|')
    const options = command.options.filter(({ hidden }) => !hidden)
    const given = (value: unknown): string =>
      value === undefined || value === false ? '' : `\`${JSON.stringify(value)}\``
    const rows = options.map(
      ({ flags, description, argChoices, defaultValue }) =>
        `| \`${cell(flags)}\` | ${cell(description)}${argChoices ? ` (${argChoices.join(', ')})` : ''} | ${given(defaultValue)} |`,
    )
    return [
      `## ${command.name()}`,
      '',
      sentence(command.description()),
      '',
      '```text',
      `pare ${command.name()} ${command.usage()}`,
      '```',
      '',
      ...(rows.length > 0 ? ['| option | | default |', '|---|---|---|', ...rows, ''] : []),
    ].join('\n')
  })
  const intro =
    '# The command line\n\nGenerated from the command itself by `npm run docs`; `pare COMMAND --help` has examples. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 over the limits, 130 cancelled.\n'
  await expect([intro, ...sections].join('\n')).toMatchFileSnapshot(path.join(root, 'docs', 'cli.md'))
})

test('there are such lines', () => {
  expect(documented.length).toBeGreaterThan(15)
  expect(help.length).toBeGreaterThan(25)
})

test.each([...new Set([...documented, ...help])])('pare %s', async (line) => {
  const refused = await program()
    .parseAsync(words(line), { from: 'user' })
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
  if (refused instanceof CommanderError && refused.exitCode === 0) return
  expect(refused).toBeUndefined()
})
