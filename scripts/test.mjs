/** `npm test`: everything. Builds, runs the tests in Node with their coverage, then the journeys in a real browser. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureBrowser } from './browser.mjs'
import { ensureBuilt, root } from './build.mjs'

const results = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-test-'))
const run = (args, env = {}) =>
  spawnSync('npx', args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, ...env },
  }).status ?? 1

const read = (name) => {
  const file = path.join(results, name)
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : undefined
}

ensureBuilt()
const units = run([
  'vitest',
  'run',
  '--coverage',
  // The pages line by line are for people: `npm run coverage` writes them.
  '--coverage.reporter=text-summary',
  '--coverage.reporter=json-summary',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${path.join(results, 'units.json')}`,
])
const browser = await ensureBrowser()
const journeys = run(['playwright', 'test', '--reporter=list,json'], {
  PARE_BROWSER: browser,
  PLAYWRIGHT_JSON_OUTPUT_NAME: path.join(results, 'e2e.json'),
})

const unit = read('units.json')
const e2e = read('e2e.json')
const passed = (unit?.numPassedTests ?? 0) + (e2e?.stats.expected ?? 0)
const failed = (unit?.numFailedTests ?? 0) + (e2e?.stats.unexpected ?? 0)
const skipped = (unit?.numPendingTests ?? 0) + (e2e?.stats.skipped ?? 0)
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
fs.rmSync(results, { recursive: true, force: true })
process.exit(units || journeys)
