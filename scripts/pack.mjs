/**
 * The npm package with what it stands on, to the last version and hash that this checkout was tested with: by its
 * shrinkwrap, from which npm installs a package of the registry, and `npm ci` one that was unpacked. Of
 * package-lock.json, which npm never packs, neither would know anything.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './build.mjs'

/** Parsed package-lock.json without what only building and testing need. */
export function shrinkwrapOf({ packages, ...head }) {
  const { '': own, ...others } = packages
  const { devDependencies: _, ...kept } = own
  const installed = Object.entries(others).filter(([, { dev }]) => !dev)
  return { ...head, packages: { '': kept, ...Object.fromEntries(installed) } }
}

/**
 * Packs what is built into a folder that is there. Gives what `npm pack --json` says of it. It is put together in a folder
 * of its own: a shrinkwrap in the checkout would stand before the lock file for every npm that looks meanwhile.
 */
export function pack(into) {
  const staged = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-pack-'))
  try {
    const read = (name) => JSON.parse(fs.readFileSync(path.join(root, name), 'utf8'))
    const write = (name, value) =>
      fs.writeFileSync(path.join(staged, name), `${JSON.stringify(value, null, 2)}\n`)
    const { devDependencies: _, scripts: __, ...own } = read('package.json')
    for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', ...own.files]) {
      const from = path.join(root, name)
      if (fs.existsSync(from)) fs.cpSync(from, path.join(staged, name), { recursive: true })
    }
    write('package.json', own)
    write('npm-shrinkwrap.json', shrinkwrapOf(read('package-lock.json')))
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], {
        cwd: staged,
        encoding: 'utf8',
        shell: process.platform === 'win32',
      }),
    )
    return packed
  } finally {
    fs.rmSync(staged, { recursive: true, force: true })
  }
}
