/**
 * `npm run check`: types, Svelte (with a canary that proves it sees errors), lint, format. Runs all, as many at once as
 * there are cores, then judges.
 */
import { spawn } from 'node:child_process'
import os from 'node:os'
import { root } from './build.mjs'
import { checkLock } from './lock.mjs'

/** The longest first: they run side by side with all others. */
const CHECKS = [
  ['eslint', ['eslint', '.', '--max-warnings', '0']],
  ['types (Node)', ['tsc', '-p', 'tsconfig.node.json']],
  ['svelte-check', ['svelte-check', '--tsconfig', 'tsconfig.web.json', '--fail-on-warnings']],
  ['types (web)', ['tsc', '-p', 'tsconfig.web.json']],
  ['prettier', ['prettier', '--check', '.']],
  ['types (journeys)', ['tsc', '-p', 'tsconfig.e2e.json']],
  [
    'svelte-check sees the errors of its canary',
    ['svelte-check', '--workspace', 'tests/canary', '--tsconfig', 'tsconfig.json'],
    ({ ok, output }) => !ok && /not assignable to type 'number'/.test(output) && /missing/.test(output),
  ],
]

function run(args) {
  return new Promise((resolve, reject) => {
    let output = ''
    const child = spawn('npx', args, { cwd: root, shell: process.platform === 'win32' })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ ok: code === 0, output }))
  })
}

function say(name, passed, output) {
  console.log([`${passed ? 'ok  ' : 'FAIL'} ${name}`, ...(passed ? [] : [output])].join('\n'))
  return passed
}

const faults = checkLock()
const results = [say('package-lock.json', faults.length === 0, faults.join('\n'))]
const left = [...CHECKS]
const work = async () => {
  for (let next = left.shift(); next; next = left.shift()) {
    const [name, args, passes = ({ ok }) => ok] = next
    const result = await run(args)
    results.push(say(name, passes(result), result.output))
  }
}
await Promise.all(Array.from({ length: Math.max(1, os.availableParallelism()) }, work))
process.exit(results.every(Boolean) ? 0 : 1)
