/** Builds when the sources are newer than what was built; silent unless it fails. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { writeLicences } from './licences.mjs'

export const root = path.resolve(import.meta.dirname, '..')
const stamp = path.join(root, 'out', '.stamp')
const INPUTS = ['src', 'electron.vite.config.ts', 'svelte.config.js', 'package.json', 'tsconfig.base.json']

function* files(at) {
  if (fs.statSync(at).isFile()) yield at
  else for (const name of fs.readdirSync(at).sort()) yield* files(path.join(at, name))
}

function fingerprint() {
  const hash = createHash('sha256')
  for (const input of INPUTS)
    for (const file of files(path.join(root, input)))
      hash.update(path.relative(root, file)).update(fs.readFileSync(file))
  return hash.digest('hex')
}

const upToDate = (wanted) => fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted
const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** Builds at the same time would write over each other; a lock older than this was left by a killed build. */
const STALE_LOCK_MS = 120_000

function locked(work) {
  const lock = path.join(root, 'out.lock')
  for (;;) {
    try {
      fs.mkdirSync(lock)
      break
    } catch {
      const age = Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
      if (age > STALE_LOCK_MS) fs.rmSync(lock, { recursive: true, force: true })
      else pause(200)
    }
  }
  try {
    return work()
  } finally {
    fs.rmSync(lock, { recursive: true, force: true })
  }
}

/** True when it had to build. Throws with the build's own words when it fails. */
export const ensureBuilt = () => !upToDate(fingerprint()) && locked(build)

function build() {
  const wanted = fingerprint()
  if (upToDate(wanted)) return false
  const packageJson = createRequire(import.meta.url).resolve('electron-vite/package.json')
  const builder = path.join(path.dirname(packageJson), 'bin', 'electron-vite.js')
  // A half-written out/ must not pass for a finished one.
  fs.rmSync(stamp, { force: true })
  try {
    execFileSync(process.execPath, [builder, 'build', '--logLevel', 'warn'], { cwd: root, stdio: 'pipe' })
  } catch (cause) {
    throw new Error(`The build failed:\n${cause.stdout}\n${cause.stderr}`, { cause })
  }
  fs.mkdirSync(path.dirname(stamp), { recursive: true })
  writeLicences(root)
  fs.writeFileSync(stamp, wanted)
  return true
}

if (process.argv[1] === import.meta.filename) console.log(ensureBuilt() ? 'Built.' : 'Already up to date.')
