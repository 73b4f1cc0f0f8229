import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Attack, Finding } from '../support/attack'
import { Target } from '../support/engines'
import { SETTINGS, used } from '../support/results'

const SAMPLES = ['digits/lenet5.onnx', 'bearing/cnn1d.onnx']
/** Compressing, measuring and exporting come once in so many jobs: they take many times as long as opening. */
const USED_EVERY = 8

/** Jobs at the start that fill caches; what comes after them must be flat. */
const WARM_UP = 0.2
/** Growth from the first to the last fifth after warming up that still counts as flat. */
const FLAT = { memory: 1.1, files: 2 }
/** Jobs from which on flatness is judged, and the share of them after which the engine must have been read. */
const LEAST = 50
const READ = 0.9

interface Reading {
  /** Resident memory, bytes. */
  memory: number
  /** Open files, sockets and pipes. */
  files: number
}

/** Source: proc(5). Undefined where there is no /proc. */
function readingOf(pid: number): Reading | undefined {
  try {
    const memory = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
    return { memory: Number(memory![1]) * 1024, files: fs.readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

export const attack: Attack = {
  about: 'many jobs in one engine: its memory and open files stay flat',
  count: 500,
  async *run({ count, seconds, built, memory }): AsyncIterable<Finding> {
    const target = new Target(built, memory)
    const readings: Reading[] = []
    let done = 0
    const until = Date.now() + seconds * 1000
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
    try {
      for (let index = 0; index < count && Date.now() < until; index++) {
        const sample = SAMPLES[index % SAMPLES.length]!
        const model = path.resolve('resources/samples', sample)
        const data = { path: path.join(path.dirname(model), 'data') }
        const outcome = await target.outcome(async (run) => {
          if (index % USED_EVERY >= USED_EVERY - 2) {
            const steps = [{ pass: 'quantize-static', params: {} }]
            await used(run, { model, data, recipe: { steps }, folder, target: 'any' })
          } else if (index % 4 < 2) await run('inspect', { model }, { during: 'reading the model' })
          else await run('openData', { model, data, settings: SETTINGS }, { during: 'reading the data' })
        })
        const reading = target.pid === undefined ? undefined : readingOf(target.pid)
        if (reading) readings.push(reading)
        done++
        yield { case: `${sample} #${index}`, ...outcome }
      }
    } finally {
      target.close()
      fs.rmSync(folder, { recursive: true, force: true })
    }
    if (done >= LEAST) yield flatness(readings, done)
  },
}

function flatness(readings: readonly Reading[], jobs: number): Finding {
  // A check that cannot see has not passed.
  if (fs.existsSync('/proc/self/status') && readings.length < READ * jobs)
    return {
      case: 'flat',
      verdict: 'internal',
      detail: `the engine could be read after ${readings.length} of ${jobs} jobs`,
    }
  const warm = readings.slice(Math.floor(readings.length * WARM_UP))
  const fifth = Math.floor(warm.length / 5)
  const ends = (of: (reading: Reading) => number): [number, number] => [
    median(warm.slice(0, fifth).map(of)),
    median(warm.slice(-fifth).map(of)),
  ]
  const [before, after] = ends(({ memory }) => memory)
  const [first, last] = ends(({ files }) => files)
  const flat = after <= before * FLAT.memory && last <= first + FLAT.files
  const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)
  return {
    case: 'flat',
    verdict: flat ? 'ok' : 'memory',
    detail: `${mebibytes(before)} → ${mebibytes(after)} MiB, ${first} → ${last} open files`,
  }
}
