import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addCompletion } from '../../src/cli/commands/completion'
import { completionFor, SHELLS, type Shell } from '../../src/cli/completion'
import { temporaryFolder } from '../engine/run/support'
import { run } from './support'

function program(): Command {
  const made = new Command('pare')
  made
    .command('inspect')
    .description("what the model's weights are: all of them")
    .option('--json', 'for programs')
  made.command('export').description('a bundle').option('--out <file>', "where it goes: the user's choice")
  return made
}

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

test.each(Object.keys(SHELLS) as Shell[])('%s is told of every command and option', (shell) => {
  const text = completionFor(shell, program())
  for (const word of ['inspect', 'export', 'json', 'out']) expect(text).toContain(word)
})

test.runIf(has('bash')).each([
  [['pare', 'e'], 'export'],
  [['pare', ''], 'inspect export'],
  [['pare', 'export', '--'], '--out'],
  [['pare', 'export', 'mod'], ''],
])('bash completes %j', (words, found) => {
  const ask = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _pare; echo "\${COMPREPLY[@]}"`
  const { stdout } = spawnSync('bash', ['-c', `${completionFor('bash', program())}\n${ask}`], {
    encoding: 'utf8',
  })
  expect(stdout.trim()).toBe(found)
})

test.runIf(has('fish'))('fish completes a command', () => {
  const file = path.join(temporaryFolder(), 'pare.fish')
  fs.writeFileSync(file, completionFor('fish', program()))
  const { stdout } = spawnSync('fish', ['-c', `source ${file}; complete -C 'pare ins'`], { encoding: 'utf8' })
  expect(stdout).toContain("what the model's weights are")
})

test.runIf(has('zsh'))('zsh reads what it is given', () => {
  const file = path.join(temporaryFolder(), '_pare')
  fs.writeFileSync(file, completionFor('zsh', program()))
  expect(spawnSync('zsh', ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
})

test('the command prints the script of one shell and knows no other', async () => {
  const { out } = await run(addCompletion, ['completion', 'bash'], {})
  expect(out).toContain('complete -o default -F _pare pare')
  await expect(run(addCompletion, ['completion', 'csh'], {})).rejects.toThrow('Allowed choices')
})
