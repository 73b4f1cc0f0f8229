/**
 * The npm package with what it stands on: npm installs from a package's own shrinkwrap exactly the versions, with the
 * hashes, that this checkout was tested with; of package-lock.json, which npm never packs, it would know nothing.
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
    const { files } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
    const named = files.filter((name) => !name.startsWith('!'))
    for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', ...named]) {
      const from = path.join(root, name)
      if (fs.existsSync(from)) fs.cpSync(from, path.join(staged, name), { recursive: true })
    }
    const lock = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
    fs.writeFileSync(
      path.join(staged, 'npm-shrinkwrap.json'),
      `${JSON.stringify(shrinkwrapOf(lock), null, 2)}\n`,
    )
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
