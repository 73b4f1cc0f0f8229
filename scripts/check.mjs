/** `npm run check`: types, Svelte (with a canary that proves it sees errors), lint, format. Runs all, then judges. */
import { spawnSync } from 'node:child_process'
import { root } from './build.mjs'
import { checkLock } from './lock.mjs'

const run = (name, args, { quiet = false } = {}) => {
  const result = spawnSync('npx', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' })
  const output = `${result.stdout}${result.stderr}`
  if (!quiet) {
    console.log(`${result.status === 0 ? 'ok  ' : 'FAIL'} ${name}`)
    if (result.status !== 0) console.log(output)
  }
  return { ok: result.status === 0, output }
}

const canary = () => {
  const { ok, output } = run(
    'canary',
    ['svelte-check', '--workspace', 'tests/canary', '--tsconfig', 'tsconfig.json'],
    { quiet: true },
  )
  const seen = !ok && /not assignable to type 'number'/.test(output) && /missing/.test(output)
  console.log(`${seen ? 'ok  ' : 'FAIL'} svelte-check sees the errors of its canary`)
  return seen
}

const lock = () => {
  const faults = checkLock()
  console.log([`${faults.length > 0 ? 'FAIL' : 'ok  '} package-lock.json`, ...faults].join('\n'))
  return faults.length === 0
}

const results = [
  lock(),
  run('types (Node)', ['tsc', '-p', 'tsconfig.node.json']).ok,
  run('types (web)', ['tsc', '-p', 'tsconfig.web.json']).ok,
  run('types (journeys)', ['tsc', '-p', 'tsconfig.e2e.json']).ok,
  run('svelte-check', ['svelte-check', '--tsconfig', 'tsconfig.web.json', '--fail-on-warnings']).ok,
  canary(),
  run('eslint', ['eslint', '.', '--max-warnings', '0']).ok,
  run('prettier', ['prettier', '--check', '.']).ok,
]
process.exit(results.every(Boolean) ? 0 : 1)
