/// <reference types="vite/client" />
/** A process that works through units and tells of each step before and after: what ends it is known by that. */
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import {
  verdictOf,
  type Outcome,
  type Result,
  type RunStep,
  type Suite,
  type SuiteOptions,
} from './support/suite'

export interface Task {
  unit: string
  /** Steps that have their verdict. */
  done: string[]
  /** Those of them that ended a process. */
  deadly: string[]
}

export type FromWorker =
  { type: 'ready' } | { type: 'begin'; step: string } | { type: 'end'; result: Result } | { type: 'finished' }

const found = import.meta.glob<{ suite: Suite }>('./kinds/*.ts')
const [kind, options] = JSON.parse(process.argv[2]!) as [string, SuiteOptions]
const load = Object.entries(found).find(([file]) => path.basename(file, '.ts') === kind)![1]
const { suite } = await load()

const say = (message: FromWorker): void => void process.send!(message)

/** A run of ONNX Runtime that failed may leave a promise of its own behind. */
process.on('unhandledRejection', (stray) => console.error('stray:', stray))

/** Nobody is left to tell. */
process.on('disconnect', () => process.exit())

process.on('message', ({ unit, done, deadly }: Task) => {
  const step: RunStep = async (name, judge, needed) => {
    if (done.includes(name)) {
      if (needed && !deadly.includes(name)) await judge().catch(() => undefined)
      return undefined
    }
    say({ type: 'begin', step: name })
    const started = performance.now()
    let outcome: Outcome
    try {
      outcome = (await judge()) ?? { verdict: 'ok' }
    } catch (thrown) {
      outcome = verdictOf(thrown)
    }
    say({
      type: 'end',
      result: { unit, step: name, ms: Math.round(performance.now() - started), ...outcome },
    })
    return outcome
  }
  suite
    .run(unit, step, options)
    .catch((thrown: unknown) =>
      say({ type: 'end', result: { unit, step: '(unit)', ms: 0, ...verdictOf(thrown) } }),
    )
    .finally(() => say({ type: 'finished' }))
})
say({ type: 'ready' })
