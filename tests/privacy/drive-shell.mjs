/** Uses a browser shell as its page does: `node drive-shell.mjs <command …>` starts it, compresses and exports a sample, ends it. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'

const { WebSocket } = createRequire(import.meta.url)('ws')
const [command, ...args] = process.argv.slice(2)
const shell = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
const ended = new Promise((resolve) => shell.once('exit', resolve))
const address = await new Promise((resolve, reject) => {
  let said = ''
  shell.once('exit', (code) => reject(new Error(`the shell ended with ${code}`)))
  shell.stdout.on('data', (chunk) => {
    said += chunk
    const found = /http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{40,}/.exec(said)
    if (found) resolve(new URL(found[0]))
  })
})
const { origin } = address
const { session } = await (
  await fetch(`${origin}/session`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${address.hash.slice('#token='.length)}`,
      Origin: origin,
      'X-Pare-Page': 'a page',
    },
  })
).json()
const socket = new WebSocket(`${origin.replace('http', 'ws')}/socket`, ['pare', session], { origin })
await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))

let last = 0
function invoke(method, input) {
  const id = ++last
  return new Promise((resolve, reject) => {
    socket.on('message', (text) => {
      const frame = JSON.parse(String(text))
      if (frame.id !== id) return
      if (frame.error) reject(new Error(JSON.stringify(frame.error)))
      else resolve(frame.ok)
    })
    socket.send(JSON.stringify({ id, method, input }))
  })
}

let project = await invoke('samples.open', { sample: 'bearing' })
while (project.data.state === 'loading' || project.model.state === 'loading') {
  await setTimeout(50)
  project = await invoke('projects.get', { project: project.id })
}
const recipe = { pare: 1, name: 'Tidy', description: '', steps: [{ pass: 'simplify', params: {} }] }
let run = await invoke('runs.start', { project: project.id, goal: { kind: 'recipe', recipe } })
while (run.status === 'queued' || run.status === 'running') {
  await setTimeout(50)
  run = await invoke('runs.get', { run: run.id })
}
const candidate = run.candidates[0]?.id
const written = await invoke('export.write', { project: project.id, candidate, target: 'any', form: 'zip' })
console.log(
  JSON.stringify({
    origin,
    model: project.model.state,
    data: project.data.state,
    run: run.status,
    exported: written.record.bytes > 0,
  }),
)
socket.terminate()
// What is traced is a child of strace, to which a signal would not come.
process.kill(await pidOf(), 'SIGTERM')
process.exit(await ended)

async function pidOf() {
  const { readFile } = await import('node:fs/promises')
  const children = await readFile(`/proc/${shell.pid}/task/${shell.pid}/children`, 'utf8')
  return Number(children.trim().split(' ')[0])
}
