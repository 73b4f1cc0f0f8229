/**
 * `node drive-engine.mjs <worker> <models and data>`: opens one set of data after another, each with its model, in one
 * engine that is started without a word about telemetry: nothing but the engine itself keeps it silent.
 */
import { fork } from 'node:child_process'

const [worker, list] = process.argv.slice(2)
const engine = fork(worker, [], { serialization: 'advanced' })
const heard = []
let tell = () => undefined
engine.on('message', (message) => {
  if (message.type === 'done' || message.type === 'failed') heard.push(message)
  tell()
})
engine.once('exit', (code) => {
  console.error(`the engine ended with ${code}`)
  process.exit(1)
})

for (const [id, [model, path]] of JSON.parse(list).entries()) {
  const input = { model, data: { path }, settings: { providers: ['cpu'], threads: 1 } }
  engine.send({ type: 'start', id, job: 'openData', input })
  while (heard.length <= id) await new Promise((resolve) => (tell = resolve))
}
console.log(JSON.stringify(heard.map(({ output, error }) => output?.summary.kind ?? error)))
engine.removeAllListeners('exit')
engine.disconnect()
