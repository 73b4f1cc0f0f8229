/** What is installed is what was locked: from npm's registry, with its hash, running nothing. */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { checkLock, faultsOf } from '../scripts/lock.mjs'

const root = path.resolve(import.meta.dirname, '..')
const integrity = `sha512-${'A'.repeat(86)}==`
const one = (fields: object) => ({
  lockfileVersion: 3,
  packages: { '': {}, 'node_modules/a/node_modules/b': { version: '1.0.0', integrity, ...fields } },
})

test('the lock file of this checkout has no fault', () => {
  expect(checkLock()).toEqual([])
})

test.each([
  [{}, []],
  [{ resolved: 'https://registry.npmjs.org/b/-/b-1.0.0.tgz' }, []],
  [
    { resolved: 'git+ssh://git@example.org/b.git#1' },
    ['b 1.0.0 comes from git+ssh://git@example.org/b.git#1'],
  ],
  [{ resolved: 'https://registry.npmjs.org.evil.example/b.tgz' }, [expect.stringContaining('comes from')]],
  [{ integrity: undefined }, ['b 1.0.0 has no SHA-512']],
  [{ integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, ['b 1.0.0 has no SHA-512']],
  [{ hasInstallScript: true }, ['b 1.0.0 runs a script when it is installed']],
  [{ link: true }, ['b 1.0.0 is a link to a folder']],
])('%j', (fields, faults) => {
  expect(faultsOf(one(fields))).toEqual(faults)
})

test('the bill of materials names every package that is asked for', () => {
  const text = execFileSync('npm', ['run', '--silent', 'sbom'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  const { bomFormat, components } = JSON.parse(text) as {
    bomFormat: string
    components: { name: string; group?: string; version: string; hashes?: unknown[] }[]
  }
  expect(bomFormat).toBe('CycloneDX')
  const found = new Map(
    components.map((one) => [`${[one.group, one.name].filter(Boolean).join('/')}@${one.version}`, one]),
  )
  for (const [name, version] of Object.entries(packageJson.dependencies))
    expect(found.get(`${name}@${version}`)?.hashes, name).toHaveLength(1)
})
