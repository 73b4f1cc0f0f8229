#!/usr/bin/env node
/** The `pare` command: of an installed package as it is, of a checkout after building what is out of date. */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const root = path.resolve(import.meta.dirname, '..')
if (fs.existsSync(path.join(root, 'src'))) {
  const [{ ensureBuilt }, { goToCaller }] = await Promise.all([import('./build.mjs'), import('./caller.mjs')])
  ensureBuilt()
  goToCaller()
}
await import(pathToFileURL(path.join(root, 'out', 'main', 'cli.js')).href)
