/** Seeds, damaged one way after the other, given to many engines at once. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { seeded, type Random } from '../../src/engine/math/random'
import { FAULTS, type AttackOptions, type Finding, type Outcome } from './attack'
import { Target } from './engines'
import { minimise } from './minimise'
import type { Seed } from './seeds'

interface Mutants {
  seeds: readonly Seed[]
  mutate(bytes: Uint8Array, random: Random, seed: Seed): Uint8Array
  /** Gives the mutant to an engine; `file` lies alone in a folder that is removed afterwards. */
  judge(target: Target, file: string, seed: Seed, random: Random): Promise<Outcome>
}

/** Few enough that what they leave behind is far from the budget of memory. */
const JOBS_EACH = 100

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

export async function* attackWith(mutants: Mutants, options: AttackOptions): AsyncIterable<Finding> {
  const { seeds, mutate, judge } = mutants
  // By format, so that a thousand pictures weigh like one table.
  const groups = [...groupedBy(seeds, ({ file }) => path.extname(file)).values()]
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-attack-'))
  const targets = Array.from(
    { length: options.engines },
    () => new Target(options.built, options.memory, JOBS_EACH),
  )
  const until = Date.now() + options.seconds * 1000
  const found: Finding[] = []
  let wake: () => void = () => undefined
  let next = options.from ?? 0
  const end = next + options.count
  let working = targets.length

  const once = async (target: Target, index: number): Promise<Finding> => {
    const random = seeded(options.seed).fork(`mutant ${index}`)
    const group = groups[random.below(groups.length)]!
    const seed = group[random.below(group.length)]!
    const bytes = mutate(new Uint8Array(fs.readFileSync(seed.file)), random, seed)
    const attempt = async (tried: Uint8Array, run: string): Promise<Outcome> => {
      const folder = path.join(root, `${index}-${run}`)
      fs.mkdirSync(folder, { recursive: true })
      const file = path.join(folder, path.basename(seed.file))
      fs.writeFileSync(file, tried)
      try {
        return await judge(target, file, seed, random.fork('judge'))
      } finally {
        fs.rmSync(folder, { recursive: true, force: true })
      }
    }
    let outcome = await attempt(bytes, 'first')
    // Neighbours may have taken the time, and the jobs before it the memory: a fault is what a fresh engine shows as well.
    if (FAULTS.includes(outcome.verdict)) {
      target.restart()
      outcome = await attempt(bytes, 'again')
    }
    const finding: Finding = { case: `${seed.name} #${index}`, ...outcome }
    if (!FAULTS.includes(outcome.verdict)) return finding
    const tries = outcome.verdict === 'hang' ? 4 : 60
    const smallest = await minimise(
      bytes,
      async (part) => {
        const again = await attempt(part, 'smaller')
        return again.verdict === outcome.verdict && again.code === outcome.code
      },
      tries,
    )
    return { ...finding, input: { bytes: smallest, extension: path.extname(seed.file) } }
  }

  const worker = async (target: Target): Promise<void> => {
    while (next < end && Date.now() < until) {
      found.push(await once(target, next++))
      wake()
    }
  }
  const all = targets.map((target) =>
    worker(target).finally(() => {
      working--
      wake()
    }),
  )
  try {
    while (working > 0 || found.length > 0) {
      const finding = found.shift()
      if (finding) yield finding
      else await new Promise<void>((resolve) => (wake = resolve))
    }
    await Promise.all(all)
  } finally {
    for (const target of targets) target.close()
    fs.rmSync(root, { recursive: true, force: true })
  }
}
