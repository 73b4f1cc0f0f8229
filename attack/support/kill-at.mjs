/**
 * Loaded before a program (`node --import`): kills it just before or after its N-th step of writing, so that every
 * moment a write could be cut off is one that can be asked for. PARE_KILL_AT counts from 1; PARE_KILL_LOG, a file,
 * takes the steps instead. A process started by the program counts on its own: PARE_KILL_IN says in which.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'

const at = Number(process.env.PARE_KILL_AT ?? 0)
const log = process.env.PARE_KILL_LOG
const where = process.env.PARE_KILL_IN
const entry = path.basename(process.argv[1] ?? '')
const counts = where === undefined || entry === where
const { appendFileSync } = fs
let step = 0

function point(what) {
  if (!counts) return
  step++
  if (log) appendFileSync(log, `${step} ${what}\n`)
  if (step === at) process.kill(process.pid, 'SIGKILL')
}

for (const name of ['fsyncSync', 'renameSync', 'rmSync', 'copyFileSync', 'cpSync', 'linkSync']) {
  const original = fs[name]
  fs[name] = (...args) => {
    point(`before ${name} ${args[0]}`)
    const result = original(...args)
    point(`after ${name} ${args[0]}`)
    return result
  }
}
const { mkdirSync, existsSync } = fs
fs.mkdirSync = (folder, ...rest) => {
  // One that is there already changes nothing.
  if (existsSync(folder)) return mkdirSync(folder, ...rest)
  point(`before mkdirSync ${folder}`)
  const result = mkdirSync(folder, ...rest)
  point(`after mkdirSync ${folder}`)
  return result
}
const { createWriteStream } = fs
fs.createWriteStream = (file, ...rest) => {
  point(`before createWriteStream ${file}`)
  const stream = createWriteStream(file, ...rest)
  stream.once('ready', () => point(`during createWriteStream ${file}`))
  stream.once('close', () => point(`after createWriteStream ${file}`))
  return stream
}
const { writeFileSync } = fs
fs.writeFileSync = (file, ...rest) => {
  if (!rest.at(-1)?.flush) return writeFileSync(file, ...rest)
  point(`before writeFileSync ${file}`)
  const result = writeFileSync(file, ...rest)
  point(`after writeFileSync ${file}`)
  return result
}
for (const name of ['rename', 'rm', 'writeFile']) {
  const original = fs.promises[name]
  fs.promises[name] = async (...args) => {
    point(`before ${name} ${args[0]}`)
    const result = await original(...args)
    point(`after ${name} ${args[0]}`)
    return result
  }
}
syncBuiltinESMExports()
