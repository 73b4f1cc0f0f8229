/** Tests that fork the engine or a shell run what is built; the build happens when the sources are newer. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')

/** Absolute path of a built entry: worker, cli, browser-shell or main. */
export function builtEntry(name: 'worker' | 'cli' | 'browser-shell' | 'main'): string {
  const script = path.join(root, 'scripts', 'build.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${stdout}${stderr}`)
  return path.join(root, 'out', 'main', `${name}.js`)
}
