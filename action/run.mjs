/** One step of the action: runs `pare`, posts what it measured as the job's summary, ends with its exit code. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const given = (name) => process.env[`PARE_${name}`] ?? ''
const option = (flag, value) => (value === '' ? [] : [flag, value])
const command = given('COMMAND')
const comparison = path.join(process.env.RUNNER_TEMP ?? os.tmpdir(), `pare-${process.pid}.md`)

const own = {
  compress: () => [
    given('MODEL'),
    ...option('--recipe', given('RECIPE')),
    ...option('--out', given('OUT')),
    '--overwrite',
  ],
  compare: () => [given('MODEL'), given('CANDIDATE')],
}
if (!(command in own)) {
  console.error(`There is no command “${command}” here; there are: ${Object.keys(own).join(', ')}.`)
  process.exit(2)
}
const args = [
  command,
  ...own[command](),
  ...option('--data', given('DATA')),
  ...option('--target', given('TARGET')),
  ...option('--max-drop', given('MAX_DROP')),
  ...option('--max-bytes', given('MAX_BYTES')),
  ...option('--max-latency', given('MAX_LATENCY')),
  '--markdown',
  comparison,
  '--json',
]
const { status, stdout, error } = spawnSync('pare', args, {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  maxBuffer: 2 ** 30,
  shell: process.platform === 'win32',
})
if (error) throw error

const append = (variable, text) => process.env[variable] && fs.appendFileSync(process.env[variable], text)
// Without a document there is nothing to post: what went wrong stands in the log.
const result = stdout.trim().startsWith('{') && JSON.parse(stdout)
if (fs.existsSync(comparison)) append('GITHUB_STEP_SUMMARY', fs.readFileSync(comparison, 'utf8'))
else if (result.error) {
  const { what, todo } = result.error.message
  append('GITHUB_STEP_SUMMARY', `**${what}** ${todo}\n`)
}
if (result.candidate) append('GITHUB_OUTPUT', `bytes=${result.candidate.bytes}\n`)
if (result.candidate && command === 'compress')
  append('GITHUB_OUTPUT', `model=${path.join(given('OUT'), 'model.onnx')}\n`)
process.exit(status ?? 1)
